// The audit trail.
import assert from 'node:assert/strict'
import {
  api,
  axeInBothThemes,
  eventually,
  fitsWidth,
  path,
  see,
  seed,
  test,
} from './support.mjs'

test('a link leads to the history of a campaign, and an event to its raw entry', async (t) => {
  const { campaign } = await seed()
  const page = await t.newPage({ role: 'admin' })
  await page.goto(
    `/audit?aggregate=${encodeURIComponent(`campaign/${campaign.campaign_id}`)}`,
  )
  const rows = page.getByRole('table', { name: 'Audit trail' }).getByRole('row')
  await see(rows.filter({ hasText: 'campaign_created' }))
  assert.equal(
    await page.getByLabel('Aggregate').inputValue(),
    `campaign/${campaign.campaign_id}`,
  )
  await rows.filter({ hasText: 'campaign_created' }).getByRole('link').click()
  await see(page.getByRole('heading', { name: 'Campaign created' }))
  await see(page.getByRole('region', { name: 'Raw entry' }).getByText('fingerprint'))
  await page
    .getByRole('main')
    .getByRole('link', { name: 'Campaign', exact: true })
    .click()
  await eventually(() => assert.equal(path(page), `/campaigns/${campaign.campaign_id}`))
})

test('filters are typed, refused filters are explained, and the back button undoes one', async (t) => {
  await seed()
  const page = await t.newPage({ role: 'admin', permit: [400, 422] })
  await page.goto('/audit')
  const table = page.getByRole('table', { name: 'Audit trail' })
  await see(table.getByRole('row').nth(2))
  await page.getByLabel('Event type').fill('order_placed.1')
  await page.keyboard.press('Enter')
  await eventually(() => assert.equal(path(page), '/audit?type=order_placed.1'))
  await see(table.getByText('order_placed.1').first())
  await page.getByLabel('Actor').fill('nobody')
  await page.getByRole('button', { name: 'Filter', exact: true }).click()
  await see(page.getByText('No event matches').or(page.getByRole('alert')).first())
  await page.goBack()
  await see(table.getByText('order_placed.1').first())
  assert.equal(await page.getByLabel('Actor').inputValue(), '')
})

test('marketers have no way to the audit trail', async (t) => {
  const page = await t.newPage({ role: 'marketer' })
  const { items } = await api('GET', '/api/audit?limit=1')
  await page.goto(`/audit/${items[0].position}`)
  await see(page.getByText('Your role does not allow this'))
  assert.equal(await page.getByRole('link', { name: 'Audit', exact: true }).count(), 0)
})

test('the audit trail fits a phone, in both themes', async (t) => {
  await seed()
  const { items } = await api('GET', '/api/audit?limit=1')
  const page = await t.newPage({ role: 'admin', width: 390 })
  await page.goto('/audit')
  await see(page.getByRole('row').nth(2))
  await fitsWidth(page)
  await axeInBothThemes(page)
  await page.goto(`/audit/${items[0].position}`)
  await see(page.getByRole('region', { name: 'Raw entry' }))
  await fitsWidth(page)
  await axeInBothThemes(page)
})
