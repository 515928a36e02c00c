// The demo shop, from the first sign-in to a finished campaign, by clicks alone. The
// pictures of the README are taken on the way.
import assert from 'node:assert/strict'
import { axe, fitsWidth, gone, path, ready, see, shot, test } from './support.mjs'

const button = (page, name) => page.getByRole('button', { name, exact: true })
const main = (page) => page.getByRole('navigation', { name: 'Main' })

test('from an empty store to a finished campaign', { timeout: 300_000 }, async (t) => {
  const server = await t.startServer()
  server.identify('ada.admin@patron.example', 'Ada Admin')
  const page = await t.newPage({ role: null, server })
  await page.goto('/')
  await page.getByRole('link', { name: 'Continue with your provider' }).click()
  await button(page, 'Load the demo shop').click()
  await see(page.getByRole('progressbar', { name: 'Progress of the demo shop' }))
  await see(page.getByText('This is the demo shop'), { timeout: 120_000 })
  await server.caughtUp()
  await page.reload()
  await ready(page)
  const revenue = { name: 'Revenue by day' }
  await see(page.getByRole('figure', revenue).locator('canvas'))
  await axe(page)
  await shot(page, 'overview')

  // A segment of the shop, its rules and its counts.
  await main(page).getByRole('link', { name: 'Segments' }).click()
  await page.getByRole('link', { name: 'Best customers' }).click()
  await see(page.getByRole('heading', { name: 'Best customers', level: 1 }))
  await page.getByRole('link', { name: 'Edit' }).click()
  await page.waitForURL((url) => url.pathname.endsWith('/edit'))
  await see(page.getByText(/of 5,000 customers match/))
  await shot(page, 'segment')

  // A campaign for it.
  await main(page).getByRole('link', { name: 'Campaigns' }).click()
  await see(page.getByRole('row').filter({ hasText: 'Completed' }).first())
  await page.getByRole('link', { name: 'New campaign' }).click()
  await page.getByLabel('Name', { exact: true }).fill('Thank you, regulars')
  await page.getByRole('radio', { name: /Best customers/ }).check()
  await button(page, 'Continue').click()
  const message = page.getByRole('textbox', { name: 'Text', exact: true })
  await see(message)
  await message.fill(
    'Hi {{ name | default("there") }}, thank you for {{ order_count }} orders!',
  )
  await see(page.getByText(/^Hi [A-Z].*, thank you for \d+ orders!$/).first())
  await shot(page, 'composer')
  await button(page, 'Continue').click()
  await see(page.getByRole('radio', { name: 'Not faster than a rate' }))
  await button(page, 'Continue').click()
  await see(page.getByText(/would get it now/))
  await button(page, 'Launch').click()
  await page
    .getByRole('dialog')
    .getByRole('button', { name: /^Launch for/ })
    .click()

  // It is followed live until its last receipt.
  await page.waitForURL((url) => /^\/campaigns\/cmp_\w+$/.test(url.pathname))
  await see(page.getByText('Completed', { exact: true }).first(), { timeout: 120_000 })
  await gone(page.getByText('is launched.'))
  await shot(page, 'campaign')
  const id = path(page).split('/')[2]
  const { statistics } = await server.api('GET', `/api/campaigns/${id}`)
  assert.equal(statistics.pending, 0)
  assert.ok(statistics.delivered > 0)
  await page.getByRole('link', { name: 'Reconcile' }).click()
  await button(page, 'Reconcile').click()
  await see(page.getByRole('heading', { name: 'Every recipient is accounted for' }))

  // The same shop on a phone.
  const phone = await t.newPage({ server, width: 390 })
  await phone.goto('/')
  await ready(phone)
  await see(phone.getByRole('figure', revenue).locator('canvas'))
  await fitsWidth(phone)
  await shot(phone, 'phone')
})
