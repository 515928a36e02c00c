// One person: consents, and the records of two customers that become one.
import assert from 'node:assert/strict'
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
  test,
  unique,
} from './support.mjs'

const idOf = (prefix) => unique(prefix).replaceAll(' ', '-')

async function record(...customers) {
  const { rejected, results } = await api('POST', '/api/data/customers', customers)
  assert.equal(rejected, 0, JSON.stringify(results))
}

function order(customer_id, order_id, amount = 1_500) {
  const placed_at = new Date(Date.now() - 86_400_000).toISOString()
  return { order_id, customer_id, amount, currency: 'USD', placed_at }
}

/** The value of a figure with this name. */
const figure = (page, name) =>
  page
    .getByText(name, { exact: true })
    .and(page.locator('div'))
    .locator('xpath=following-sibling::*[1]')

test('a marketer lifts an opt-out, and its records stay', async (t) => {
  const id = idOf('consent')
  const email = `${id}@shop.example`
  await record({ customer_id: id, name: 'Cora', email, unsubscribed: true })
  const page = await t.newPage({ role: 'marketer' })
  await page.goto(`/customers/${id}`)
  await page.getByRole('link', { name: 'Unsubscribed' }).click()
  await eventually(() => assert.equal(path(page), `/customers/${id}/consent`))
  await see(page.getByText('Campaigns send nothing to this customer'))
  await see(page.getByText('Not on the suppression list'))
  await page.getByRole('button', { name: 'Record a consent' }).click()
  const dialog = page.getByRole('dialog', { name: 'Record a consent of Cora' })
  assert.ok(await dialog.getByRole('radio', { name: 'agreed to messages' }).isChecked())
  await dialog.getByLabel('Source').fill('phone call')
  await dialog.getByLabel(/^Wording/).fill('Yes, write to me about soaps.')
  await axe(page, { include: 'dialog[open]' })
  await dialog.getByRole('button', { name: 'Record', exact: true }).last().click()
  await see(page.getByText('Cora is subscribed.'))
  await gone(dialog)
  const records = page.getByRole('table', { name: 'Consents' }).getByRole('row')
  await see(records.nth(1).getByText('phone call'))
  await see(records.nth(1).getByText('“Yes, write to me about soaps.”'))
  await see(records.nth(2).getByText('Unsubscribed'))
  await axeInBothThemes(page)
  const { unsubscribed } = await api('GET', `/api/customers/${id}`)
  assert.equal(unsubscribed, false)
})

test('a viewer reads consents, and records none', async (t) => {
  const id = idOf('consent')
  await record({ customer_id: id, name: 'Vito', email: `${id}@shop.example` })
  const page = await t.newPage({ role: 'viewer', width: 390 })
  await page.goto(`/customers/${id}/consent?dialog=consent`)
  await ready(page)
  await see(page.getByText('No consent recorded'))
  await gone(page.getByRole('button', { name: 'Record a consent' }))
  await gone(page.getByRole('dialog'))
  await fitsWidth(page)
})

test('merges a customer into another one', { timeout: 120_000 }, async (t) => {
  const [guest, known] = [idOf('guest'), idOf('known')]
  await record(
    { customer_id: guest, name: 'Mia Guest', email: `${guest}@shop.example` },
    { customer_id: known, name: 'Mia Known', email: `${known}@shop.example` },
  )
  await api('POST', '/api/data/orders', [
    order(guest, 'm-1'),
    order(guest, 'm-2'),
    order(known, 'm-3'),
  ])
  const page = await t.newPage({ role: 'marketer' })
  await page.goto(`/customers/${guest}`)
  await page.getByRole('button', { name: 'Merge…' }).click()
  const choice = page.getByRole('dialog', { name: 'Merge Mia Guest into another' })
  await choice.getByLabel('Customer', { exact: true }).fill(known)
  await choice.getByRole('radio', { name: 'Mia Known' }).check()
  await axe(page, { include: 'dialog[open]' })
  await choice.getByRole('button', { name: 'Continue' }).click()
  await eventually(() =>
    assert.equal(path(page), `/customers/${guest}?dialog=merge&into=${known}`),
  )
  const dialog = page.getByRole('dialog', { name: 'Merge Mia Guest into Mia Known?' })
  await see(dialog.getByText('A merge cannot be undone.'))
  await axe(page, { include: 'dialog[open]' })
  const confirm = dialog.getByRole('button', { name: 'Merge', exact: true })
  assert.ok(await confirm.isDisabled())
  await dialog.getByLabel(`Type ${guest} to confirm`).fill(guest)
  await confirm.click()
  await eventually(() => assert.match(path(page), /\?merge=job_/))
  await see(page.getByRole('heading', { name: 'The merge is complete' }), {
    timeout: 60_000,
  })
  await see(page.getByText(new RegExp(`^2 orders and .* moved to ${known}\\.`)))
  await gone(page.getByRole('button', { name: 'Merge…' }))
  await axeInBothThemes(page)

  await page.getByRole('main').getByRole('link', { name: known }).first().click()
  await see(page.getByRole('heading', { name: 'Mia Known', level: 1 }))
  await eventually(
    async () => {
      await page.reload()
      await ready(page)
      assert.equal((await figure(page, 'Orders').innerText()).trim(), '3')
    },
    { timeout: 30_000 },
  )
  await page
    .getByRole('navigation', { name: 'Parts of the customer' })
    .getByRole('link', { name: 'Orders' })
    .click()
  for (const id of ['m-1', 'm-2', 'm-3']) {
    await see(page.getByRole('table', { name: 'Orders' }).getByText(id))
  }
  await page.goto('/customers')
  await page.getByRole('searchbox', { name: 'Search customers' }).fill(guest)
  await see(page.getByText('No customer matches'))
})

test('a viewer merges nobody, and moves nothing', async (t) => {
  const [one, other] = [idOf('one'), idOf('other')]
  await record({ customer_id: one }, { customer_id: other })
  await api('POST', '/api/data/orders', order(one, 'v-1'))
  const page = await t.newPage({ role: 'viewer' })
  await page.goto(`/customers/${one}?dialog=merge&into=${other}`)
  await ready(page)
  await gone(page.getByRole('dialog'))
  await gone(page.getByRole('button', { name: 'Merge…' }))
  await page.goto(`/customers/${one}/orders?order=v-1`)
  const dialog = page.getByRole('dialog', { name: 'Order v-1' })
  await see(dialog)
  await gone(dialog.getByRole('button', { name: /^Move/ }))
  await axe(page)
})

test('an order under two customers is told, and an admin moves it', async (t) => {
  const [guest, known] = [idOf('guest'), idOf('known')]
  const id = idOf('twin')
  await record({ customer_id: guest }, { customer_id: known, name: 'Tess Twin' })
  await api('POST', '/api/data/orders', [order(guest, id, 2_000), order(known, id)])
  const page = await t.newPage({ role: 'admin' })
  await page.goto(`/customers/${guest}/orders`)
  await page.getByRole('link', { name: id }).click()
  const dialog = page.getByRole('dialog', { name: `Order ${id}` })
  await see(dialog.getByText('Other customers have an order with this id'))
  await see(dialog.getByRole('link', { name: known }))
  await axe(page, { include: 'dialog[open]' })
  await dialog.getByRole('button', { name: 'Move order…' }).click()
  const move = page.getByRole('dialog', { name: `Move order ${id}` })
  await move.getByLabel('Customer', { exact: true }).fill(known)
  await move.getByRole('radio', { name: 'Tess Twin' }).check()
  await move.getByRole('button', { name: 'Move', exact: true }).click()
  await see(page.getByText(`Order ${id} was moved to ${known}.`))
  await see(page.getByText('Orders that were moved are with their new customer.'))
  await page.goto(`/customers/${guest}/orders?order=${id}`)
  await see(dialog.getByText('This order was moved'))
  await axe(page, { include: 'dialog[open]' })
  await dialog.getByRole('link', { name: known }).click()
  await eventually(() => assert.equal(path(page), `/customers/${known}/orders`))
  await see(page.getByText('$20.00'))
})
