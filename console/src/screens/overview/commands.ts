/** Commands that send the first data to an empty deployment, ready for a shell. */
export interface FirstCommand {
  id: string
  title: string
  hint: string
  text: string
}

/** Quotes a text for a POSIX shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}

function post(origin: string, path: string, body: unknown): string {
  return [
    `curl ${origin}${path} \\`,
    `  -H "Authorization: Bearer $PATRON_KEY" \\`,
    `  -H 'Content-Type: application/json' \\`,
    `  -d ${quoted(JSON.stringify(body))}`,
  ].join('\n')
}

export function firstCommands(
  origin: string,
  currency: string,
  now: Date,
): FirstCommand[] {
  const at = `${now.toISOString().slice(0, 19)}Z`
  return [
    {
      id: 'customers',
      title: 'Send a customer',
      hint: 'One object, an array, or lines of JSON. Repeating a request changes nothing.',
      text: post(origin, '/api/data/customers', {
        customer_id: 'c-1001',
        name: 'Ada Example',
        email: 'ada@shop.example',
        city: 'Berlin',
        tags: ['newsletter'],
      }),
    },
    {
      id: 'orders',
      title: 'Send an order',
      hint: 'Amounts are in minor units, such as cents.',
      text: post(origin, '/api/data/orders', {
        order_id: 'o-1',
        customer_id: 'c-1001',
        amount: 4990,
        currency,
        placed_at: at,
      }),
    },
    {
      id: 'import',
      title: 'Import a file',
      hint: 'CSV, other delimiters, or lines of JSON. The command’s --help lists all options.',
      text: [
        `patron import customers customers.csv --url ${origin} --key "$PATRON_KEY" \\`,
        '  --map customer_id=id --map name=name --map email=email',
      ].join('\n'),
    },
  ]
}
