// Customers, and one customer.
import assert from 'node:assert/strict'
import {
  api,
  axeInBothThemes,
  eventually,
  fitsWidth,
  gone,
  path,
  see,
  seed,
  test,
} from './support.mjs'

test('finds customers, and the search and the columns are in the URL', async (t) => {
  const { customers } = await seed()
  const page = await t.newPage({ role: 'viewer' })
  await page.goto('/customers')
  const id = customers[20]
  await page.getByRole('searchbox', { name: 'Search customers' }).fill(id)
  await eventually(() => assert.equal(path(page), `/customers?q=${id}`))
  await eventually(async () => assert.equal(await page.getByRole('row').count(), 2))
  await page.getByRole('button', { name: 'Columns' }).click()
  await page.getByRole('checkbox', { name: 'Phone' }).check()
  await see(page.getByRole('columnheader', { name: 'Phone' }))
  await eventually(() => assert.match(path(page), /columns=[^&]*phone/))
  await page.keyboard.press('Escape')
  await page.getByRole('searchbox', { name: 'Search customers' }).fill('nobody-at-all')
  await see(page.getByText('No customer matches'))
  await page.getByRole('button', { name: 'Clear the search' }).click()
  await see(page.getByRole('row').nth(5))
})

test('the back button leads to the same row of the list', async (t) => {
  await seed()
  const page = await t.newPage({ role: 'viewer', height: 500 })
  await page.goto('/customers')
  const table = page.getByRole('table', { name: 'Customers' })
  await see(table.getByRole('row').nth(3))
  await table.evaluate((element) => element.scrollTo(0, 2_000))
  // Rows of the new place are drawn.
  await eventually(async () => {
    const first = await table.getByRole('row').nth(1).getAttribute('aria-rowindex')
    assert.ok(Number(first) > 20, first)
  })
  const place = await table.evaluate((element) => element.scrollTop)
  const link = await table.evaluate((element) => {
    const frame = element.getBoundingClientRect()
    const links = [...element.querySelectorAll('[data-row-link]')]
    return links
      .find((one) => one.getBoundingClientRect().top > frame.top + 150)
      .getAttribute('href')
  })
  await table.locator(`[data-row-link][href="${link}"]`).click()
  await see(page.getByRole('link', { name: 'Timeline' }))
  await page.goBack()
  await see(table.locator(`[data-row-link][href="${link}"]`))
  await eventually(async () =>
    assert.ok(
      Math.abs((await table.evaluate((element) => element.scrollTop)) - place) < 5,
    ),
  )
})

test('shows what a customer did and got, and why', async (t) => {
  const { campaign, segment } = await seed()
  const { items } = await api(
    'GET',
    `/api/campaigns/${campaign.campaign_id}/logs?limit=1&status=delivered`,
  )
  const id = items[0].customer_id
  const page = await t.newPage({ role: 'admin' })
  await page.goto(`/customers/${id}`)
  await see(page.getByText('Average order', { exact: true }).first())
  await page.getByRole('link', { name: 'Timeline' }).click()
  await see(page.getByText('Message delivered').first())
  await page.getByRole('button', { name: 'Orders', exact: true }).click()
  assert.equal(path(page), `/customers/${id}/timeline?kind=orders`)
  await see(page.getByText(/^Order .* placed$/).first())
  await gone(page.getByText('Message delivered'))
  await page
    .getByRole('navigation', { name: 'Parts of the customer' })
    .getByRole('link', { name: 'Orders' })
    .click()
  await see(page.getByRole('table', { name: 'Orders' }))
  await page.getByRole('link', { name: 'Segments', exact: true }).last().click()
  await see(page.getByRole('main').getByRole('link', { name: segment.name }))
  await page
    .getByRole('navigation', { name: 'Parts of the customer' })
    .getByRole('link', { name: 'Campaigns' })
    .click()
  await page
    .getByRole('combobox', { name: 'Campaign' })
    .selectOption({ label: campaign.name })
  await see(page.getByText('The customer matched the rules at the launch.'))
  await page.getByRole('link', { name: 'The full story' }).click()
  await eventually(() =>
    assert.equal(path(page), `/campaigns/${campaign.campaign_id}/recipients/${id}`),
  )
})

test('scrolls 10,000 customers without a gap', { timeout: 120_000 }, async (t) => {
  const server = await t.startServer()
  const total = 10_000
  const id = (index) => `c-${String(index).padStart(5, '0')}`
  for (let from = 0; from < total; from += 5_000) {
    const batch = Array.from({ length: 5_000 }, (_, at) => ({
      customer_id: id(from + at),
      name: `Customer ${from + at}`,
    }))
    await server.api('POST', '/api/data/customers', batch)
  }
  const page = await t.newPage({ server, height: 2_000 })
  const pages = []
  page.on('response', async (response) => {
    const { pathname, searchParams } = new URL(response.url())
    if (pathname === '/api/customers' && searchParams.get('limit') === '200')
      pages.push((await response.json()).items.length)
  })
  await page.goto('/customers')
  const table = page.getByRole('table', { name: 'Customers' })
  await see(table.getByRole('row').nth(3))

  // Each step waits until rows fill the frame; every drawn row has to be the one of its place.
  const walk = await table.evaluate(async (frame) => {
    const frames = () => new Promise((resolve) => requestAnimationFrame(() => resolve()))
    const drawn = () =>
      [...frame.querySelectorAll('[data-index]')].map((row) => ({
        index: Number(row.dataset.index),
        name: row.querySelector('[data-row-link]')?.textContent,
        top: row.getBoundingClientRect().top - frame.getBoundingClientRect().top,
        bottom: row.getBoundingClientRect().bottom - frame.getBoundingClientRect().top,
      }))
    const wrong = []
    const deadline = performance.now() + 90_000
    let last = -1
    for (;;) {
      await frames()
      const rows = drawn()
      wrong.push(...rows.filter((row) => row.name !== `Customer ${row.index}`))
      const fills =
        rows.some((row) => row.top <= 40) &&
        rows.some((row) => row.bottom >= frame.clientHeight)
      last = Math.max(last, ...rows.map((row) => row.index))
      const atEnd = frame.scrollTop + frame.clientHeight >= frame.scrollHeight - 1
      if (performance.now() > deadline || (atEnd && last === 9_999)) break
      if (fills && !atEnd) frame.scrollTop += frame.clientHeight
    }
    return { last, wrong: wrong.slice(0, 3) }
  })
  assert.deepEqual(walk, { last: total - 1, wrong: [] })
  assert.equal(pages.length, total / 200 + (pages.at(-1) === 0 ? 1 : 0))
  assert.equal(
    pages.reduce((sum, items) => sum + items, 0),
    total,
  )
})

test('an unknown customer leads back to the list', async (t) => {
  const page = await t.newPage({ role: 'viewer', permit: [404] })
  await page.goto('/customers/nobody-at-all')
  await see(page.getByText('Not found'))
  await page.getByRole('link', { name: 'All customers' }).click()
  await eventually(() => assert.equal(path(page), '/customers'))
})

test('customers fit a phone, in both themes', async (t) => {
  const { customers } = await seed()
  const page = await t.newPage({ role: 'viewer', width: 390 })
  await page.goto('/customers')
  await see(page.getByRole('row').nth(3))
  await fitsWidth(page)
  await axeInBothThemes(page)
  for (const tab of ['', '/timeline', '/orders', '/segments', '/campaigns']) {
    await page.goto(`/customers/${customers[1]}${tab}`)
    await see(page.getByRole('navigation', { name: 'Parts of the customer' }))
    await gone(page.getByText('Loading', { exact: true }))
    await fitsWidth(page)
    await axeInBothThemes(page)
  }
})
