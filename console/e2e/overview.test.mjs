// The overview: figures of a store, an empty store, and the demo shop.
import assert from 'node:assert/strict'
import {
  axe,
  axeInBothThemes,
  fitsWidth,
  gone,
  path,
  see,
  seed,
  test,
} from './support.mjs'

test('shows figures by day, and the period is in the URL', async (t) => {
  await seed()
  const page = await t.newPage({ role: 'viewer' })
  await page.goto('/')
  await see(page.getByText('New customers', { exact: true }).first())
  await see(page.getByRole('figure', { name: 'Revenue by day' }))
  await page.getByRole('button', { name: '7 days' }).click()
  assert.equal(path(page), '/?days=7')
  const orders = page.getByRole('figure', { name: 'Orders and new customers by day' })
  await orders.getByRole('button', { name: 'Show table' }).click()
  const rows = orders.getByRole('table').getByRole('row')
  await see(rows.nth(7))
  assert.equal(await rows.count(), 8)
  await page.goBack()
  await see(page.getByRole('button', { name: '30 days', pressed: true }))
})

test('says how the deployment is, with a way to operations for admins alone', async (t) => {
  await seed()
  const viewer = await t.newPage({ role: 'viewer' })
  await viewer.goto('/')
  await see(viewer.getByText(/Healthy|Degraded/).first())
  await gone(viewer.getByRole('main').getByRole('link', { name: 'Operations' }))
  const admin = await t.newPage({ role: 'admin' })
  await admin.goto('/')
  await admin.getByRole('main').getByRole('link', { name: 'Operations' }).click()
  await see(admin.getByRole('heading', { name: 'Operations', level: 1 }))
  await admin.goBack()
  await see(admin.getByRole('heading', { name: 'Latest events' }))
  await axe(admin)
})

test('an empty store says how to send data', async (t) => {
  const server = await t.startServer({ provider: false })
  const page = await t.newPage({ role: null, server, width: 390 })
  await page.goto(server.link)
  await see(page.getByText('Send customers and orders from your shop'))
  await see(page.getByText(`curl ${server.url}/api/data/customers`))
  await see(page.getByRole('button', { name: 'Load the demo shop' }))
  await fitsWidth(page)
  await axeInBothThemes(page)
})
