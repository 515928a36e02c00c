// Imports: from a dropped file to the figures of the customers.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import {
  api,
  axe,
  axeInBothThemes,
  eventually,
  fitsWidth,
  gone,
  path,
  ready,
  see,
  seed,
  server,
  test,
  text,
  unique,
} from './support.mjs'

const SHOPIFY = readFileSync(
  new URL('../../tests/data/exports/shopify_orders.csv', import.meta.url),
)

/** Drops a file on the page, as the file manager of a system does. */
async function drop(page, name, content) {
  const bytes = [...Buffer.from(content)]
  const transfer = await page.evaluateHandle(
    ({ name, bytes }) => {
      const transfer = new DataTransfer()
      transfer.items.add(new File([new Uint8Array(bytes)], name))
      return transfer
    },
    { name, bytes },
  )
  const zone = page.getByRole('region', { name: 'Upload' })
  await zone.dispatchEvent('dragover', { dataTransfer: transfer })
  await zone.dispatchEvent('drop', { dataTransfer: transfer })
}

/** Opens the list of imports and drops a file on it. */
async function openAndDrop(page, name, content) {
  await page.goto('/imports')
  await ready(page)
  await drop(page, name, content)
}

const preview = (page) => page.getByRole('button', { name: 'Preview', exact: true })

/** The value of a figure with this name. */
const figure = (page, name) =>
  page
    .getByText(name, { exact: true })
    .and(page.locator('div'))
    .locator('xpath=following-sibling::*[1]')

/** Customers with an id that no spreadsheet has changed, and one with an id that one has. */
function customers(id) {
  return `customer_id,name,email\n${id},Dia Noor,${id}@shop.example\n6.81012E+12,Ana Ruiz,ana.ruiz@shop.example\n`
}

const idOf = (prefix) => unique(prefix).replaceAll(' ', '-').toLowerCase()

test('a dropped export of Shopify becomes the figures of its customers', async (t) => {
  const shop = await t.startServer()
  const page = await t.newPage({ role: 'marketer', server: shop })
  await page.goto('/customers')
  await page.getByRole('link', { name: 'Import a file' }).click()
  await see(page.getByText('No imports yet'))
  await drop(page, 'orders_export_1.csv', SHOPIFY)
  await see(page.getByRole('heading', { name: 'orders_export_1.csv', level: 1 }))
  await see(
    page.getByRole('heading', { name: /This looks like Shopify.s export of orders/ }),
  )
  await axe(page)

  await preview(page).click()
  await see(page.getByRole('heading', { name: 'The first 6 orders' }))
  assert.match(path(page), /^\/imports\/imp_[^?]+\?step=preview$/)
  assert.equal(await text(figure(page, 'Rows read')), '9')
  assert.equal(await text(figure(page, 'Orders to import')), '6')
  assert.equal(await text(figure(page, 'Refused')), '0')
  const first = page.getByRole('row').filter({ hasText: '2101' })
  await see(first.getByText('$84.50'))
  await see(first.getByText('2 × Oat soap, 1 × Linen towel, grey, 1 × Brush 5"'))
  await see(page.getByRole('row').filter({ hasText: '2102' }).getByText('$15.00'))
  await axe(page)

  await page.getByRole('button', { name: 'Import 6 orders…' }).click()
  const dialog = page.getByRole('dialog', { name: 'Import “orders_export_1.csv”?' })
  await see(dialog.getByText('6 orders'))
  await axe(page, { include: 'dialog[open]' })
  await dialog.getByRole('button', { name: 'Import 6 orders' }).click()
  await see(page.getByRole('heading', { name: '6 orders imported, nothing was refused' }))
  assert.equal(await text(figure(page, 'Created')), '6')
  await axe(page)
  await shop.caughtUp()

  await page.getByRole('main').getByRole('link', { name: 'Customers' }).click()
  for (const [id, spend, orders] of [
    // Two spellings of one address.
    ['mira.quist@example.com', '$96.50', '2'],
    // An order of which a quarter was paid back, and one that was paid back as a whole.
    ['jon.vale@example.com', '$45.00', '1'],
    // A voided order, and one that is to be paid.
    ['pia.rook@example.com', '$30.00', '1'],
  ]) {
    await page.goto(`/customers/${id}`)
    await see(page.getByRole('heading', { name: id, level: 1 }))
    assert.equal(await text(figure(page, 'Spend')), spend, id)
    assert.equal(await text(figure(page, 'Orders')), orders, id)
  }

  await page.goto('/imports')
  const row = page.getByRole('row').filter({ hasText: 'orders_export_1.csv' })
  await see(row.getByText('Finished').filter({ visible: true }))
  await see(row.getByText('Shopify'))
})

test('refused rows are explained before a run, and can be downloaded after it', async (t) => {
  const id = idOf('import')
  const page = await t.newPage({ role: 'marketer' })
  await openAndDrop(page, 'spreadsheet.csv', customers(id))
  await see(page.getByRole('heading', { name: 'The columns look like customers' }))
  assert.equal(await page.getByLabel('Customer id').inputValue(), 'column:customer_id')
  await preview(page).click()
  const reasons = page.getByRole('list', { name: 'Refusals' })
  await see(reasons.getByText(/spreadsheet/))
  await see(reasons.getByText('Line 3'))
  await see(reasons.getByText('6.81012E+12,Ana Ruiz'))
  await page.getByRole('button', { name: 'Import 1 customer…' }).click()
  await page
    .getByRole('dialog')
    .getByRole('button', { name: 'Import 1 customer' })
    .click()
  await see(page.getByRole('heading', { name: '1 customer imported, 1 row refused' }))
  await see(page.getByRole('list', { name: 'Refused rows' }).getByText('Line 3'))
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('link', { name: 'Download refused rows' }).click(),
  ])
  assert.match(download.suggestedFilename(), /\.ndjson$/)
  const rows = readFileSync(await download.path(), 'utf8')
    .trim()
    .split('\n')
  assert.equal(rows.length, 1)
  const { line, input } = JSON.parse(rows[0])
  assert.equal(line, 3)
  assert.match(input, /Ana Ruiz/)
  await api('GET', `/api/customers/${id}`)
})

test('what was chosen outlives a reload, and a wrong option stands beside its field', async (t) => {
  const page = await t.newPage({ role: 'marketer', permit: [422] })
  const id = idOf('import')
  await openAndDrop(
    page,
    'kontakte.csv',
    `Kunde;Vorname;Nachname;Seit\n${id};Ina;Kern;03.05.2026\n`,
  )
  await see(page.getByRole('heading', { name: 'The layout of this file is not known' }))
  await page
    .getByLabel('What the file has')
    .selectOption('Customers, with columns of your choice')
  await see(page.getByText('Still needed: Customer id.'))
  await page.getByLabel('Customer id').selectOption('Kunde')
  await page.getByLabel('Name (optional)').selectOption('Made of columns…')
  await page.getByLabel('Columns for Name').fill('{Vorname} {Nachname}')
  await page.getByLabel('Customer since').selectOption('Seit')
  await see(page.getByText(`Such as ${id}`))
  await page.getByLabel('Format of times').fill('%d.%m.%Y')
  await page.getByLabel('Time zone').fill('Berlin')
  await page.reload()
  await see(page.getByRole('heading', { name: 'The layout of this file is not known' }))
  assert.equal(
    await page.getByLabel('Columns for Name').inputValue(),
    '{Vorname} {Nachname}',
  )
  await preview(page).click()
  await see(page.getByRole('alert'))
  const zone = page.getByLabel('Time zone')
  assert.equal(await zone.getAttribute('aria-invalid'), 'true')
  await page.getByLabel('Time zone').fill('Europe/Berlin')
  await preview(page).click()
  await see(page.getByRole('cell', { name: 'Ina Kern' }))
  // Midnight in Berlin.
  await see(page.getByRole('cell', { name: /^2026-05-02T22:00:00/ }))
  await page.getByRole('link', { name: 'Change the layout' }).click()
  assert.equal(await page.getByLabel('Time zone').inputValue(), 'Europe/Berlin')
})

test('a file that is none is refused with a reason, and can be deleted', async (t) => {
  const page = await t.newPage({ role: 'marketer', permit: [422] })
  const name = `${idOf('photo')}.png`
  await openAndDrop(page, name, Buffer.from('89504e470d0a1a0a000000fffe', 'hex'))
  await see(page.getByRole('heading', { name, level: 1 }))
  await page
    .getByLabel('What the file has')
    .selectOption('Orders, with columns of your choice')
  await see(page.getByRole('alert'))
  await page.getByRole('button', { name: 'Delete' }).click()
  const dialog = page.getByRole('dialog', { name: `Delete the import of “${name}”?` })
  await dialog.getByRole('button', { name: 'Delete import' }).click()
  await eventually(() => assert.equal(path(page), '/imports'))
  await gone(page.getByRole('row').filter({ hasText: name }))
})

test('a file that is too large is refused beside the place where it was dropped', async (t) => {
  const small = await t.startServer({ environment: { PATRON_IMPORT_MAX_BYTES: '1000' } })
  const page = await t.newPage({ server: small, permit: [413] })
  await openAndDrop(page, 'orders.csv', SHOPIFY)
  const problem = page.getByRole('region', { name: 'Upload' }).getByRole('alert')
  await see(problem.getByText(/PATRON_IMPORT_MAX_BYTES/))
  await see(problem.getByText('“orders.csv” (2.4 KiB) was not uploaded.'))
  await see(problem.getByText(/Request/))
  // Another file can be dropped at once.
  await drop(page, 'customers.csv', customers('c-1'))
  await see(page.getByRole('heading', { name: 'customers.csv', level: 1 }))
})

test('an upload can be canceled', async (t) => {
  const page = await t.newPage({ role: 'marketer', permit: ['net::ERR_ABORTED'] })
  await page.goto('/imports')
  await ready(page)
  const name = `${idOf('slow')}.csv`
  // The server takes nothing, so the upload does not end by itself.
  await page.route('**/api/imports', async (route) => {
    if (route.request().method() === 'GET') await route.continue()
  })
  await drop(page, name, SHOPIFY)
  await see(page.getByRole('progressbar', { name: `Upload of ${name}` }))
  await page.getByRole('button', { name: 'Cancel' }).click()
  await see(page.getByRole('button', { name: 'Choose a file' }))
  await gone(page.getByRole('progressbar'))
})

test('a file is chosen with the keyboard alone', async (t) => {
  const page = await t.newPage({ role: 'marketer' })
  await page.goto('/imports')
  await ready(page)
  const [chooser] = await Promise.all([
    page.waitForEvent('filechooser'),
    page.getByRole('button', { name: 'Choose a file' }).press('Enter'),
  ])
  await chooser.setFiles({
    name: 'chosen.csv',
    mimeType: 'text/csv',
    buffer: Buffer.from(customers(idOf('import'))),
  })
  await see(page.getByRole('heading', { name: 'chosen.csv', level: 1 }))
  await page.keyboard.press('Control+k')
  await page.keyboard.type('delete the import')
  await see(page.getByRole('option', { name: 'Delete the import', selected: true }))
  await page.keyboard.press('Enter')
  await see(page.getByRole('dialog', { name: 'Delete the import of “chosen.csv”?' }))
})

test('viewers see imports, and are offered none', async (t) => {
  const { import_id: id } = await server().upload(`${idOf('seen')}.csv`, SHOPIFY)
  const page = await t.newPage({ role: 'viewer' })
  await page.goto('/imports')
  await see(page.getByRole('table', { name: 'Imports' }))
  await gone(page.getByRole('button', { name: 'Choose a file' }))
  await page.goto(`/imports/${id}?step=layout`)
  await see(page.getByText('Marketers and admins can import it.'))
  await gone(page.getByRole('navigation', { name: 'Steps' }))
  await gone(page.getByRole('button', { name: 'Delete' }))
})

test('an import on another process names it, and offers nothing that it cannot do', async (t) => {
  const { import_id: id } = await server().upload(`${idOf('other')}.csv`, SHOPIFY)
  const page = await t.newPage({ role: 'marketer' })
  // The harness has one process.
  let changes = { process: { name: 'api-2/77', is_this: false, is_alive: true } }
  await page.route(`**/api/imports/${id}`, async (route) => {
    const response = await route.fetch()
    await route.fulfill({ response, json: { ...(await response.json()), ...changes } })
  })
  await page.goto(`/imports/${id}`)
  await see(page.getByText('The file is on the disk of the process api-2/77'))
  await gone(page.getByRole('navigation', { name: 'Steps' }))
  await axe(page)
  const waiting = {
    reason: 'memory',
    since: '2026-11-29T10:00:00Z',
    detail: 'the log has no memory left for new data',
  }
  changes = { ...changes, status: 'running', waiting_for: waiting }
  changes.process = { ...changes.process, is_alive: false }
  await page.route(`**/api/imports/${id}/events`, (route) => route.abort())
  t.permit(page, 'net::ERR_FAILED')
  await page.reload()
  await see(page.getByText('That process no longer responds.'))
  await see(page.getByText('The import waits for memory'))
  await see(page.getByRole('button', { name: 'Stop' }))
  await axe(page)
})

test('a run that is stopped continues', async (t) => {
  const shop = await t.startServer()
  const rows = Array.from(
    { length: 60_000 },
    (_, at) => `o-${at},c-${at % 1000},12.50,USD,2026-05-03\n`,
  )
  const page = await t.newPage({ server: shop })
  const content = ['order_id,customer_id,amount,currency,placed_at\n', ...rows].join('')
  const { import_id: id } = await shop.upload('many.csv', content)
  await page.goto(`/imports/${id}?step=preview`)
  await see(page.getByText(/^Only the first [\d,]+ rows were read$/))
  await page.getByRole('button', { name: 'Import the file…' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Import the file' }).click()
  await see(page.getByText('The import is running'))
  await page.getByRole('button', { name: 'Stop' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Stop the import' }).click()
  await see(page.getByRole('heading', { name: 'The import was stopped' }))
  await page.getByRole('button', { name: 'Continue…' }).click()
  await page
    .getByRole('dialog')
    .getByRole('button', { name: 'Continue the import' })
    .click()
  await see(
    page.getByRole('heading', { name: '60,000 orders imported, nothing was refused' }),
  )
})

test('imports fit a phone, in both themes', async (t) => {
  await seed()
  const { import_id: id } = await server().upload(`${idOf('phone')}.csv`, SHOPIFY)
  const page = await t.newPage({ role: 'admin', width: 390 })
  await page.goto('/imports')
  await see(page.getByRole('table', { name: 'Imports' }))
  await fitsWidth(page)
  await axeInBothThemes(page)
  await page.goto(`/imports/${id}`)
  await page.getByText('Which column fills which field').click()
  await page.getByText('More options').click()
  await see(page.getByLabel('Encoding'))
  await fitsWidth(page)
  await axeInBothThemes(page)
  await page.goto(`/imports/${id}?step=preview`)
  await see(page.getByRole('heading', { name: 'The first 6 orders' }))
  await fitsWidth(page)
  await axeInBothThemes(page)
})
