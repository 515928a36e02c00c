// The suppression list, and what it means for campaigns.
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

/** Records a customer with a tag and an address of their own; returns the id. */
async function customer(fields = {}) {
  const id = unique('sup').replaceAll(' ', '-')
  const email = `${id}@shop.example`
  const one = { customer_id: id, name: `Sue ${id}`, email, tags: [id], ...fields }
  await api('POST', '/api/data/customers', one)
  return { id, email: one.email }
}

/** Runs a campaign to the customers with a tag, and waits for its end. */
async function run(tag) {
  const { campaign_id } = await api('POST', '/api/campaigns', {
    name: unique('Campaign'),
    rules: `tags contains "${tag}"`,
    message: { template: 'Hi {{ name }}!' },
    launch: true,
  })
  return await eventually(
    async () => {
      const campaign = await api('GET', `/api/campaigns/${campaign_id}`)
      assert.equal(campaign.status, 'completed', JSON.stringify(campaign))
      return campaign
    },
    { timeout: 60_000 },
  )
}

const list = (page) => page.getByRole('table', { name: 'Suppressed addresses' })

const find = (page, address) =>
  page.getByRole('searchbox', { name: 'Find an address' }).fill(address)

test('a suppressed address gets nothing, until it is removed', async (t) => {
  const { id, email } = await customer()
  const page = await t.newPage({ role: 'marketer' })
  await page.goto('/suppressions')
  await ready(page)
  await page.getByRole('button', { name: 'Suppress an address' }).first().click()
  assert.equal(path(page), '/suppressions?dialog=add')
  const dialog = page.getByRole('dialog', { name: 'Suppress an address' })
  await dialog.getByLabel('Address').fill(email.toUpperCase())
  await axe(page, { include: 'dialog[open]' })
  await page.keyboard.press('Enter')
  await see(page.getByText(`${email.toUpperCase()} gets no more messages.`))
  await gone(dialog)
  await find(page, email)
  await eventually(() =>
    assert.equal(path(page), `/suppressions?address=${encodeURIComponent(email)}`),
  )
  const row = list(page).getByRole('row').filter({ hasText: email.toUpperCase() })
  await see(row.getByText('Added by hand'))

  const suppressed = await run(id)
  assert.deepEqual(suppressed.statistics.suppressed_for, { suppression_list: 1 })
  await page.goto(`/campaigns/${suppressed.campaign_id}`)
  const reasons = page.getByRole('listitem').filter({ hasText: 'Suppression list' })
  await see(reasons.getByText('to which no campaign sends, whoever has it.'))
  await reasons.getByRole('link', { name: 'Suppression list' }).click()
  await see(page.getByText('Suppression list: added by hand'))
  await page.getByRole('link', { name: id }).click()
  await see(page.getByText('Somebody put it there, or imported it.').first())
  await page
    .getByRole('main')
    .getByRole('link', { name: 'Suppression list' })
    .first()
    .click()
  await see(row)

  await row.getByRole('button', { name: 'Remove' }).click()
  const confirmation = page.getByRole('dialog', { name: /^Remove .* from the list\?$/ })
  await axe(page, { include: 'dialog[open]' })
  await confirmation.getByRole('button', { name: 'Remove', exact: true }).click()
  await see(page.getByText('No such address on the list'))
  const sent = await run(id)
  assert.deepEqual(sent.statistics.suppressed_for, {})
})

test('what is no address is refused beside the field', async (t) => {
  const page = await t.newPage({ role: 'marketer', permit: [422] })
  await page.goto('/suppressions?dialog=add')
  await ready(page)
  const field = page.getByRole('dialog').getByLabel('Address')
  await field.fill('nobody')
  await page.keyboard.press('Enter')
  await eventually(async () =>
    assert.equal(await field.getAttribute('aria-invalid'), 'true'),
  )
  assert.equal(await field.inputValue(), 'nobody')
})

test('the list of another tool is imported, and this one downloaded', async (t) => {
  const own = await t.startServer()
  const page = await t.newPage({ role: 'marketer', server: own })
  await page.goto('/suppressions')
  await see(page.getByText('No suppressed addresses'))
  await page.getByRole('button', { name: 'Import' }).first().click()
  const dialog = page.getByRole('dialog', { name: 'Import suppressions' })
  const content =
    'First Name;Email Address;Reason\n' +
    'Ada;ada@old.example;cleaned\n' +
    'Ben;"ben@old.example";cleaned\n' +
    'Ada;ADA@old.example;cleaned\n' +
    'Cy;cy at old.example;cleaned\n'
  await dialog.getByLabel('File of addresses').setInputFiles({
    name: 'cleaned.csv',
    mimeType: 'text/csv',
    buffer: Buffer.from(content),
  })
  await see(dialog.getByText('3 addresses: ada@old.example, ben@old.example'))
  assert.equal(
    await dialog
      .getByLabel('Column with the addresses')
      .evaluate((select) => select.selectedOptions[0].textContent),
    'Email Address',
  )
  await axe(page, { include: 'dialog[open]' })
  await dialog.getByRole('button', { name: 'Suppress 3 addresses' }).click()
  await see(dialog.getByText('2 addresses added, 1 refused'))
  await see(
    dialog.getByRole('list', { name: 'Refused rows' }).getByText('Line 5: cy at old'),
  )
  await axe(page, { include: 'dialog[open]' })
  await dialog
    .getByRole('contentinfo')
    .or(dialog)
    .getByRole('button', { name: 'Close' })
    .last()
    .click()
  await see(list(page).getByText('ben@old.example'))

  const downloading = page.waitForEvent('download')
  await page.getByRole('button', { name: 'Download CSV' }).click()
  const download = await downloading
  assert.equal(download.suggestedFilename(), 'suppressions.csv')
  const chunks = []
  for await (const chunk of await download.createReadStream()) chunks.push(chunk)
  const lines = Buffer.concat(chunks).toString().trim().split('\n')
  assert.equal(lines.length, 3, lines.join('\n'))
  assert.match(lines[0], /^address,channel,detail,/)
})

test('a bounce puts an address on the list, with its reason', async (t) => {
  const own = await t.startServer()
  const settings = { delivered_rate: 0, bounced_rate: 1 }
  const answer = await fetch(`${own.vendor}/vendor/settings`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...settings, receipt_delay_ms: { min: 0, max: 0 } }),
  })
  assert.ok(answer.ok, await answer.text())
  const customers = Array.from({ length: 12 }, (_, n) => ({
    customer_id: `b-${n}`,
    name: `Bo ${n}`,
    email: `bo.${n}@shop.example`,
  }))
  await own.api('POST', '/api/data/customers', customers)
  const { campaign_id } = await own.api('POST', '/api/campaigns', {
    name: 'To dead addresses',
    rules: 'order_count >= 0',
    message: { template: 'Hi {{ name }}!' },
    launch: true,
  })
  const [hard] = await eventually(
    async () => {
      const { items } = await own.api('GET', '/api/suppressions?detail=hard_bounce')
      assert.ok(items.length > 0, 'nothing bounced for good')
      return items
    },
    { timeout: 60_000 },
  )
  const page = await t.newPage({ role: 'viewer', server: own })
  await page.goto('/suppressions?detail=hard_bounce')
  const row = list(page).getByRole('row').filter({ hasText: hard.address })
  await see(row.getByText('1 hard'))
  await see(page.getByText('will return others.').first())
  await gone(page.getByRole('button', { name: /Remove|Suppress|Import/ }).first())

  await page.goto(`/campaigns/${campaign_id}`)
  const bounced = page.getByRole('listitem').filter({ hasText: 'Bounced' })
  await see(bounced.getByText('provider returned it'))
  await bounced.getByRole('link', { name: 'Bounced' }).click()
  await see(page.getByText('in some cases after it was delivered; it counts as failed.'))
  const customerId = customers.find(({ email }) => email === hard.address).customer_id
  await page.goto(`/customers/${customerId}/timeline`)
  await see(page.getByText('Message bounced for good'))
  await page.goto(`/customers/${customerId}/campaigns?campaign=${campaign_id}`)
  await see(page.getByText('it counts as failed.').first())
})

test('one address gets one message, and the other customer says why', async (t) => {
  const first = await customer()
  const second = await customer({ email: first.email, tags: [first.id] })
  const { campaign_id } = await run(first.id)
  const { items } = await api('GET', `/api/campaigns/${campaign_id}/logs`)
  const loser = items.find(({ status }) => status === 'suppressed').customer_id
  const winner = loser === first.id ? second.id : first.id
  const page = await t.newPage({ role: 'viewer' })
  await page.goto(`/campaigns/${campaign_id}`)
  await see(page.getByText('a campaign sends one to an address.'))
  await page.goto(`/campaigns/${campaign_id}/recipients/${loser}`)
  await see(page.getByText(`Customer ${winner} has the same address.`).first())
  await page.goto(`/customers/${loser}/timeline`)
  await see(page.getByText('Message suppressed: same address'))
  await axe(page)
})

test('suppressions fit a phone, in both themes', async (t) => {
  const { email } = await customer()
  await api('POST', '/api/suppressions', { address: email })
  const page = await t.newPage({ role: 'admin', width: 390 })
  for (const query of ['', `?address=${email}`, '?dialog=add', '?dialog=import']) {
    await page.goto(`/suppressions${query}`)
    await ready(page)
    await fitsWidth(page)
    await axeInBothThemes(page)
  }
})
