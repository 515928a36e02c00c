// One campaign: its course, its recipients, its accounts, and what can be done with it.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import {
  api,
  axe,
  eventually,
  fitsWidth,
  gone,
  path,
  ready,
  see,
  seed,
  server,
  shot,
  test,
  unique,
} from './support.mjs'

/** Records customers with a tag of their own, and returns it. */
async function tagged(on, count, fields = {}) {
  const tag = unique('t').replaceAll(' ', '-')
  const customers = Array.from({ length: count }, (_, n) => ({
    customer_id: `${tag}-${String(n).padStart(3, '0')}`,
    name: `Customer ${n}`,
    email: `${tag}-${n}@shop.example`,
    tags: [tag],
    ...fields,
  }))
  await on.api('POST', '/api/data/customers', customers)
  return tag
}

/** Creates a campaign for the customers with a tag; launches it unless told otherwise. */
async function campaignFor(on, tag, fields = {}) {
  return await on.api('POST', '/api/campaigns', {
    name: unique('Campaign'),
    rules: `tags contains "${tag}"`,
    message: { template: 'Hi {{ name }}!' },
    launch: true,
    ...fields,
  })
}

async function waitForCampaign(on, id, check) {
  return await eventually(
    async () => {
      const campaign = await on.api('GET', `/api/campaigns/${id}`)
      assert.ok(check(campaign), JSON.stringify(campaign))
      return campaign
    },
    { timeout: 30_000 },
  )
}

const pathOf = ({ campaign_id }, tab) =>
  tab ? `/campaigns/${campaign_id}/${tab}` : `/campaigns/${campaign_id}`

/** The status beside the title. */
const status = (page, text) => page.getByRole('main').getByText(text, { exact: true })

const action = (page, name) => page.getByRole('button', { name, exact: true })

async function cancelByClicks(page) {
  await action(page, 'More actions').click()
  await page.getByRole('menuitem', { name: 'Cancel campaign' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByRole('button', { name: 'Cancel campaign' }).click()
}

test('pauses, resumes and cancels a campaign that it follows live', async (t) => {
  const campaign = await campaignFor(server(), await tagged(server(), 120), {
    messages_per_second: 1,
  })
  const page = await t.newPage({ role: 'marketer' })
  await page.goto(pathOf(campaign))
  await see(status(page, 'Live'))

  await action(page, 'Pause').click()
  await see(status(page, 'Paused'))
  const shown = () => api('GET', `/api/campaigns/${campaign.campaign_id}`)
  assert.equal((await shown()).status, 'paused')
  await action(page, 'Resume').click()
  await see(status(page, 'Sending'))
  await gone(action(page, 'Resume'))

  await action(page, 'More actions').click()
  await page.getByRole('menuitem', { name: 'Cancel campaign' }).click()
  await action(page, 'Keep it').click()
  assert.equal((await shown()).status, 'sending')
  await cancelByClicks(page)
  await see(status(page, 'Canceled'))
  await gone(status(page, 'Live'))
  await gone(action(page, 'Pause'))
  await see(page.getByRole('link', { name: 'Campaign canceled' }))
})

test('launches a draft to the number of customers that it named', async (t) => {
  const draft = await campaignFor(server(), await tagged(server(), 3), { launch: false })
  const page = await t.newPage({ role: 'marketer' })
  await page.goto(pathOf(draft, 'recipients'))
  await see(page.getByText('A draft: nobody has got a message'))
  await action(page, 'Launch').click()
  const dialog = page.getByRole('dialog')
  await dialog.getByRole('button', { name: 'Launch to 3 customers' }).click()
  await see(status(page, 'Completed'), { timeout: 30_000 })
  await page.getByRole('link', { name: 'Summary' }).click()
  await see(page.getByRole('img', { name: 'Messages since the launch' }))
  await action(page, 'Show table').click()
  await see(page.getByRole('columnheader', { name: 'Accepted by the vendor' }))
  await action(page, 'Summarize').click()
  await see(page.getByText('Answered by Patron itself.'))
})

test('shows a launch before the views have it', async (t) => {
  const draft = await campaignFor(server(), await tagged(server(), 2), { launch: false })
  const read = `**/api/campaigns/${draft.campaign_id}`
  const stale = JSON.stringify(await api('GET', `/api/campaigns/${draft.campaign_id}`))
  const page = await t.newPage({ role: 'marketer' })
  await page.goto(pathOf(draft))
  await see(status(page, 'Draft'))
  let reads = 0
  await page.route(read, (route) => {
    reads += 1
    return route.fulfill({ contentType: 'application/json', body: stale })
  })
  await action(page, 'Launch').click()
  const dialog = page.getByRole('dialog')
  await dialog.getByRole('button', { name: 'Launch to 2 customers' }).click()
  await eventually(() => assert.ok(reads >= 2), { timeout: 10_000 })
  await see(status(page, 'Launching').first())
  await gone(status(page, 'Draft'))
  await gone(action(page, 'Launch'))
  await page.unroute(read)
  await see(status(page, 'Completed'), { timeout: 30_000 })
})

test('tells why one recipient got nothing, and is back at the same row', async (t) => {
  const tag = await tagged(server(), 150, { unsubscribed: true })
  const campaign = await campaignFor(server(), tag)
  await waitForCampaign(server(), campaign.campaign_id, (c) => c.status === 'completed')
  const page = await t.newPage({ role: 'viewer' })
  await page.goto(pathOf(campaign))
  await page.getByRole('link', { name: 'Unsubscribed' }).click()
  await see(page.getByRole('row', { name: `${tag}-000` }))
  assert.match(path(page), /\/recipients\?status=suppressed&reason=unsubscribed$/)

  // By keyboard to a row that was out of view.
  const row = (n) => page.getByRole('link', { name: `${tag}-${n}` })
  const table = page.getByRole('table', { name: 'Recipients' })
  await row('000').focus()
  await page.keyboard.press('End')
  await see(row('149'))
  const scrolled = await eventually(async () => {
    const top = await table.evaluate((element) => element.scrollTop)
    assert.ok(top > 1_000, `scrolled to ${top}`)
    return top
  })
  await row('147').click()

  await see(page.getByText('The customer opted out, or another customer did'))
  await see(page.getByRole('heading', { name: 'Why the customer was chosen' }))
  await see(page.getByText(`Value: ${tag}`))
  await see(page.getByRole('link', { name: 'Customer', exact: true }))
  await page.goBack()
  await see(row('147'))
  const restored = await table.evaluate((element) => element.scrollTop)
  assert.ok(Math.abs(restored - scrolled) < 100, `${restored} instead of ${scrolled}`)
})

test('explains a customer outside the audience', async (t) => {
  const { campaign } = await seed()
  const page = await t.newPage({ role: 'viewer' })
  await page.goto(pathOf(campaign, 'recipients'))
  // Customers whose number can be divided by three have no orders.
  await page.getByLabel('Why, or why not').fill('c-003')
  await page.getByRole('button', { name: 'Explain' }).click()
  await see(page.getByText('The customer did not match the rules at the launch.'))
  await see(page.getByText('Not met:').first())
  await page.goto(pathOf(campaign, 'recipients/nobody'))
  t.permit(page, 404)
  await see(page.getByText('The customer did not exist at the launch.'))
})

test('accounts for every recipient, and the result has a link', async (t) => {
  const { campaign } = await seed()
  const page = await t.newPage({ role: 'viewer' })
  await page.goto(pathOf(campaign, 'reconcile'))
  await action(page, 'Reconcile').click()
  await see(page.getByRole('heading', { name: 'Every recipient is accounted for' }))
  const { planned } = campaign.size
  await see(page.getByRole('math', { name: `${planned} planned = ` }))
  assert.match(path(page), /\?job=job_/)
  await page.reload()
  await see(page.getByRole('heading', { name: 'Every recipient is accounted for' }))
})

test('retries what could not be handed over', async (t) => {
  const own = await t.startServer({ environment: { PATRON_DELIVERY_ATTEMPTS: '1' } })
  await setVendor(own, { deferred_rate: 1 })
  const campaign = await campaignFor(own, await tagged(own, 3))
  const id = campaign.campaign_id
  await waitForCampaign(own, id, (c) => c.statistics.undeliverable === 3)
  const page = await t.newPage({ server: own })
  await page.goto(pathOf(campaign))
  await see(page.getByRole('link', { name: '3 not handed over' }))
  const settings = { deferred_rate: 0, delivered_rate: 1 }
  await setVendor(own, { ...settings, receipt_delay_ms: { min: 0, max: 0 } })
  await action(page, 'Retry 3').click()
  await see(page.getByText('3 messages queued again'))
  await see(status(page, 'Completed'), { timeout: 30_000 })
  await gone(action(page, 'Retry 3'))
  const { statistics } = await own.api('GET', `/api/campaigns/${id}`)
  assert.equal(statistics.delivered, 3)
})

test('explains receipts that never come, and refused addresses', async (t) => {
  const own = await t.startServer({ environment: { PATRON_RECEIPT_WINDOW: '1s' } })
  await setVendor(own, { lost_rate: 1 })
  const silent = await campaignFor(own, await tagged(own, 2))
  await waitForCampaign(own, silent.campaign_id, (c) => c.statistics.unconfirmed === 2)
  const page = await t.newPage({ server: own })
  await page.goto(pathOf(silent))
  await see(status(page, 'Completed'), { timeout: 30_000 })
  const explained = (status, explanation) =>
    page.getByRole('listitem').filter({ hasText: status }).getByText(explanation)
  await see(explained('Unconfirmed', 'it counts as sent, and a late receipt still'))
  await page.getByRole('link', { name: '2 unconfirmed' }).click()
  await see(page.getByText('sent no receipt in time; it counts as sent'))
  await see(
    page.getByRole('table', { name: 'Recipients' }).getByText('Unconfirmed').first(),
  )
  const { items } = await own.api('GET', `/api/campaigns/${silent.campaign_id}/logs`)
  await page.goto(pathOf(silent, `recipients/${items[0].customer_id}`))
  await see(page.getByText('sent no receipt in time. It counts as sent'))

  await setVendor(own, { refused_rate: 1 })
  const tag = await tagged(own, 2)
  const refused = await campaignFor(own, tag)
  await waitForCampaign(own, refused.campaign_id, (c) => c.status === 'completed')
  await page.goto(pathOf(refused))
  await see(explained('Rejected', 'it counts as failed and is not sent again.'))
  await axe(page)
  await page.goto(`/customers/${tag}-000/timeline`)
  await see(page.getByText('Message rejected by the vendor'))
  await see(page.getByText('it counts as failed and is not sent again.'))
  await page.goto(pathOf(refused, `recipients/${tag}-000`))
  await see(page.getByText('The vendor refuses messages to this address for good'))
  await see(page.getByText('answered refused: unknown-recipient').first())
})

async function setVendor(on, settings) {
  const answer = await fetch(`${on.vendor}/vendor/settings`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(settings),
  })
  assert.ok(answer.ok, await answer.text())
}

test('downloads the messages as CSV', async (t) => {
  const { campaign } = await seed()
  const page = await t.newPage({ role: 'viewer' })
  await page.goto(pathOf(campaign, 'recipients'))
  await page.getByLabel('Status').selectOption('suppressed')
  const arrives = page.waitForEvent('download')
  await action(page, 'Download CSV').click()
  const download = await arrives
  assert.equal(download.suggestedFilename(), 'autumn-news-suppressed.csv')
  const [head, ...rows] = (await readFile(await download.path(), 'utf8'))
    .trim()
    .split(/\r?\n/)
  assert.match(head, /^customer_id,message_id,status,/)
  assert.equal(rows.length, campaign.statistics.suppressed)
})

test('offers a viewer nothing that a viewer may not do', async (t) => {
  const { campaign, draft } = await seed()
  const page = await t.newPage({ role: 'viewer' })
  for (const one of [draft, campaign]) {
    await page.goto(pathOf(one))
    await see(page.getByRole('heading', { level: 1, name: one.name }))
    await see(page.getByRole('heading', { name: 'Details' }))
    for (const name of ['Launch', 'More actions', 'Summarize']) {
      await gone(action(page, name))
    }
    await gone(
      page.getByRole('main').getByRole('link', { name: /Edit|History|Continue/ }),
    )
  }
})

test('shows a refused transition, and the campaign as it is', async (t) => {
  const campaign = await campaignFor(server(), await tagged(server(), 120), {
    messages_per_second: 1,
  })
  const id = campaign.campaign_id
  const page = await t.newPage({ role: 'marketer', permit: [409] })
  await page.goto(pathOf(campaign))
  // Somebody else cancels the campaign between the look and the click.
  await page.route(`**/api/campaigns/${id}/pause`, async (route) => {
    await api.raw('POST', `/api/campaigns/${id}/cancel`)
    await route.continue()
  })
  await action(page, 'Pause').click()
  const alert = page.getByRole('alert')
  await see(alert.getByText('Somebody or something else changed the campaign.'))
  await see(alert.getByText('Request'))
  await see(status(page, 'Canceled'))
  await gone(action(page, 'Pause'))
})

test('says when it is not live, and is live again', async (t) => {
  const campaign = await campaignFor(server(), await tagged(server(), 120), {
    messages_per_second: 1,
  })
  const page = await t.newPage({ role: 'viewer', permit: [503] })
  const stream = `**/api/campaigns/${campaign.campaign_id}/progress*`
  await page.route(stream, (route) => route.fulfill({ status: 503, body: '' }))
  await page.goto(pathOf(campaign))
  await see(status(page, 'Not live: updated every few seconds'))
  await page.unroute(stream)
  await see(status(page, 'Live'))
  await api.raw('POST', `/api/campaigns/${campaign.campaign_id}/cancel`)
  await see(status(page, 'Canceled'))
})

test('shows the problem of a read with its request, and tries again', async (t) => {
  const { campaign } = await seed()
  const page = await t.newPage({ role: 'viewer', permit: [500] })
  const read = `**/api/campaigns/${campaign.campaign_id}`
  await page.route(read, (route) =>
    route.fulfill({
      status: 500,
      headers: { 'x-request-id': 'req-of-the-test' },
      contentType: 'application/problem+json',
      body: JSON.stringify({
        type: 'urn:patron:problem:internal',
        title: 'Internal error',
        status: 500,
        detail: 'the figures cannot be read',
      }),
    }),
  )
  await page.goto(pathOf(campaign))
  await see(page.getByText('the figures cannot be read'))
  await see(page.getByText('req-of-the-test'))
  await page.unroute(read)
  await action(page, 'Try again').click()
  await see(page.getByRole('heading', { level: 1, name: campaign.name }))
})

for (const [width, theme] of [
  [1440, 'light'],
  [390, 'dark'],
]) {
  test(`a campaign is accessible and fits at ${width} px, ${theme}`, async (t) => {
    const { campaign, draft } = await seed()
    const page = await t.newPage({ role: 'marketer', width, theme })
    const { items } = await api(
      'GET',
      `/api/campaigns/${campaign.campaign_id}/logs?limit=1`,
    )
    const screens = [
      pathOf(campaign),
      pathOf(campaign, 'recipients'),
      pathOf(campaign, `recipients/${items[0].customer_id}`),
      pathOf(draft, 'message'),
      pathOf(campaign, 'reconcile'),
    ]
    for (const screen of screens) {
      await page.goto(screen)
      await ready(page)
      await fitsWidth(page)
      await axe(page)
    }
    await page.goto(pathOf(campaign))
    await see(page.getByRole('img', { name: 'Messages since the launch' }))
    await shot(page, `campaign-${width}-${theme}`)
  })
}
