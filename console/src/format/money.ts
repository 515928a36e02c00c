const formats = new Map<string, Intl.NumberFormat>()

function formatOf(currency: string, notation: 'standard' | 'compact' = 'standard') {
  const key = `${currency} ${notation}`
  const known = formats.get(key)
  if (known) return known
  const format = new Intl.NumberFormat('en-US', {
    style: 'currency',
    currency,
    notation,
    ...(notation === 'compact' ? { maximumFractionDigits: 1 } : {}),
  })
  formats.set(key, format)
  return format
}

/** Number of decimals of a currency: 2 for USD, 0 for JPY, 3 for KWD. */
export function decimals(currency: string): number {
  return formatOf(currency).resolvedOptions().maximumFractionDigits ?? 2
}

/** Minor units as money: `123450` in USD as `$1,234.50`. */
export function money(minor: number, currency: string): string {
  return formatOf(currency).format(minor / 10 ** decimals(currency))
}

/** The same for axes and narrow places: `$1.2K`. */
export function shortMoney(minor: number, currency: string): string {
  return formatOf(currency, 'compact').format(minor / 10 ** decimals(currency))
}
