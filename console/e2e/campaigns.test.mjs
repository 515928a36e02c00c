// The list of campaigns, and the composer from the first name to the launch.
import assert from 'node:assert/strict'
import {
  api,
  axe,
  eventually,
  fitsWidth,
  gone,
  identify,
  path,
  ready,
  see,
  seed,
  shot,
  signIn,
  test,
  text,
  unique,
} from './support.mjs'

const button = (page, name) => page.getByRole('button', { name, exact: true })
const row = (page, name) => page.getByRole('row').filter({ hasText: name })
const step = (page, name) =>
  page.getByRole('navigation', { name: 'Steps' }).getByRole('link', { name })
const message = (page) => page.getByRole('textbox', { name: 'Text', exact: true })
const problem = (status, type, title, detail) => ({
  status,
  contentType: 'application/problem+json',
  headers: { 'x-request-id': 'request-of-the-case' },
  body: JSON.stringify({ type: `urn:patron:problem:${type}`, title, status, detail }),
})

/** Creates a draft for the seeded segment. */
async function draft(content = {}) {
  const { segment } = await seed()
  const created = await api('POST', '/api/campaigns', {
    name: unique('Draft'),
    segment_id: segment.segment_id,
    message: { template: 'Hi {{ name | default("there") }}, welcome back!' },
    ...content,
  })
  return { ...created, edit: `/campaigns/${created.campaign_id}/edit` }
}

const read = ({ campaign_id }) => api('GET', `/api/campaigns/${campaign_id}`)

test('lists campaigns with their figures, filtered by the URL', async (t) => {
  const { campaign, segment } = await seed()
  const { statistics } = await api('GET', `/api/campaigns/${campaign.campaign_id}`)
  const page = await t.newPage({ role: 'viewer' })
  await page.goto('/campaigns')
  const finished = row(page, campaign.name)
  await see(finished.getByText('Completed').last())
  assert.match(await text(finished), new RegExp(`\\b${statistics.delivered}\\b`))
  await axe(page)

  await page.getByLabel('Status').selectOption({ label: 'Drafts' })
  await gone(finished)
  assert.equal(path(page), '/campaigns?status=draft')
  await page.goto(`/campaigns?q=${encodeURIComponent(campaign.name)}&status=completed`)
  await see(finished)
  await page.getByLabel('Search by name or tag').fill(`no ${segment.segment_id}`)
  await see(page.getByText('No campaign matches the filter'))
  await button(page, 'Clear').click()
  await see(finished)
  assert.equal(path(page), '/campaigns')

  await finished.click()
  await page.waitForURL((url) => url.pathname === `/campaigns/${campaign.campaign_id}`)
  await page.goBack()
  await see(finished)
})

test('an empty store says how to begin', async (t) => {
  const server = await t.startServer()
  const page = await t.newPage({ server })
  await page.goto('/campaigns')
  await see(page.getByText('No campaigns yet'))
  await axe(page)
  await page.getByRole('link', { name: 'New campaign' }).last().click()
  await see(page.getByText('There are no segments yet.'))
})

test('a viewer is offered no change', async (t) => {
  const { edit, name } = await draft()
  const page = await t.newPage({ role: 'viewer' })
  await page.goto('/campaigns')
  await see(row(page, name))
  await gone(page.getByRole('link', { name: 'New campaign' }))
  await gone(page.getByRole('button', { name: `Actions for ${name}` }))
  await page.goto(edit)
  await see(page.getByText('Your role does not allow this'))
})

test('composes and launches a campaign by clicks', async (t) => {
  const { segment } = await seed()
  const name = unique('By clicks')
  const page = await t.newPage({ role: 'marketer' })
  await page.goto('/campaigns')
  await page.getByRole('link', { name: 'New campaign' }).click()
  await page.getByRole('textbox', { name: 'Name', exact: true }).fill(name)
  await page.getByRole('textbox', { name: /^Tags/ }).fill('clicks, spring')
  await page.getByRole('radio', { name: new RegExp(`^${segment.name}`) }).check()
  await button(page, 'Continue').click()

  // The draft is on the server with its audience.
  await page.waitForURL(/\/campaigns\/cmp_\w+\/edit\?step=message$/)
  const id = new URL(page.url()).pathname.split('/')[2]
  const created = await api('GET', `/api/campaigns/${id}`)
  assert.equal(created.segment_id, segment.segment_id)
  assert.deepEqual(created.tags, ['clicks', 'spring'])

  // A suggestion, and a field that is inserted where the caret is.
  await page
    .getByLabel('What should the message achieve?')
    .fill('thank regular customers')
  await button(page, 'Suggest three messages').click()
  await page
    .getByRole('button', { name: /^Use the/ })
    .first()
    .click()
  await message(page).fill('Dear , thank you!')
  await message(page).press('Home')
  for (let at = 0; at < 5; at += 1) await message(page).press('ArrowRight')
  await page.getByRole('button', { name: 'Name', exact: true }).click()
  assert.equal(
    await message(page).inputValue(),
    'Dear {{ name | default("there") }}, thank you!',
  )
  await see(page.getByText(/^Dear [A-Z]\w+.*, thank you!$/).first())

  await button(page, 'Continue').click()
  await page.getByRole('radio', { name: 'Not faster than a rate' }).check()
  await page.getByLabel('Messages per second').fill('500')
  await see(page.getByText(/messages take at least/))
  await button(page, 'Continue').click()

  // The review accounts for the whole audience, and the launch names the number.
  await see(page.getByText(/would get it now/))
  await button(page, 'Launch').click()
  const dialog = page.getByRole('dialog', { name: `Launch “${name}”?` })
  await see(dialog)
  const confirm = await text(dialog.getByRole('button', { name: /^Launch for/ }))
  await dialog.getByRole('button', { name: /^Launch for/ }).click()
  await page.waitForURL((url) => url.pathname === `/campaigns/${id}`)
  await see(page.getByRole('heading', { name }))

  const launched = await eventually(async () => {
    const found = await api('GET', `/api/campaigns/${id}`)
    assert.ok(found.size)
    return found
  })
  const found = launched ?? (await api('GET', `/api/campaigns/${id}`))
  assert.equal(found.message.template, 'Dear {{ name | default("there") }}, thank you!')
  assert.equal(found.messages_per_second, 500)
  assert.equal(Number(confirm.match(/[\d,]+/)[0].replace(',', '')), found.size.queued)
})

test('the API answers beside the field, and nothing typed is lost', async (t) => {
  const campaign = await draft()
  const page = await t.newPage({ role: 'marketer', permit: [422] })
  await page.goto(`${campaign.edit}?step=message`)
  const wrong = 'Hi {{ nose }}, how are you?'
  await message(page).fill(wrong)
  const answer = page.locator('li').filter({ hasText: 'unknown field "nose"' }).first()
  await see(answer)
  await eventually(async () =>
    assert.equal(await message(page).getAttribute('aria-invalid'), 'true'),
  )

  // What is refused does not hold back the rest.
  await step(page, 'Audience').click()
  const name = unique('Renamed')
  await page.getByRole('textbox', { name: 'Name', exact: true }).fill(name)
  await eventually(async () => assert.equal((await read(campaign)).name, name))
  assert.equal((await read(campaign)).message.template, campaign.message.template)

  await page.reload()
  await step(page, 'Message').click()
  await see(message(page))
  assert.equal(await message(page).inputValue(), wrong)
  await see(answer)
  await step(page, 'Review').click()
  await see(page.getByText('Something must change before the launch'))
  assert.ok(await button(page, 'Launch').isDisabled())

  await step(page, 'Message').click()
  await message(page).fill('Hi {{ name | default("you") }}, how are you?')
  await see(page.getByText('Saved', { exact: true }))
  assert.match((await read(campaign)).message.template, /how are you/)
  await page.reload()
  await see(page.getByText('Saved', { exact: true }))
})

test('a server that is away is waited for', async (t) => {
  const campaign = await draft()
  const page = await t.newPage({ role: 'marketer', permit: [503] })
  await page.goto(`${campaign.edit}?step=message`)
  await see(message(page))
  await page.route(`**/api/campaigns/${campaign.campaign_id}`, (route) =>
    route.request().method() === 'PATCH'
      ? route.fulfill(
          problem(503, 'unavailable', 'Unavailable', 'Redis does not respond'),
        )
      : route.continue(),
  )
  await message(page).fill('Hello after the outage')
  await see(page.getByText('Redis does not respond'))
  await see(page.getByText('request-of-the-case'))
  await page.unroute(`**/api/campaigns/${campaign.campaign_id}`)
  await button(page, 'Try again').click()
  await see(page.getByText('Saved', { exact: true }))
  assert.equal((await read(campaign)).message.template, 'Hello after the outage')
})

test('an expired session loses nothing', async (t) => {
  const campaign = await draft()
  const email = 'mara@patron.example'
  const page = await t.newPage({ role: null })
  await signIn(page.context(), email)
  const { items } = await api('GET', '/api/users?limit=500')
  const { user_id } = items.find((user) => user.email === email)
  await api('PUT', `/api/users/${user_id}/role`, { role: 'marketer' })
  await page.goto(`${campaign.edit}?step=message`)
  await see(page.getByText(/^Hi .*, welcome back!$/).first())
  // A read that ends the session earlier would put the dialog above the text.
  await page.waitForLoadState('networkidle')
  await api('POST', `/api/users/${user_id}/sign-out`)
  await message(page).fill('Typed after the end of the session')
  const dialog = page.getByRole('dialog', { name: 'Your session has ended' })
  await see(dialog)
  identify(email)
  await dialog.getByRole('link', { name: 'Sign in again' }).click()
  await page.waitForURL((url) => url.pathname === campaign.edit)
  assert.equal(path(page), `${campaign.edit}?step=message`)
  await see(page.getByText('Saved', { exact: true }))
  assert.equal(await message(page).inputValue(), 'Typed after the end of the session')
  await eventually(async () =>
    assert.equal(
      (await read(campaign)).message.template,
      'Typed after the end of the session',
    ),
  )
})

test('a draft can be scheduled', async (t) => {
  const campaign = await draft()
  const page = await t.newPage({ role: 'marketer' })
  await page.goto(`${campaign.edit}?step=delivery`)
  await page.getByRole('radio', { name: 'At a time' }).check()
  await page.getByLabel('Date and time').fill('2099-06-01T09:30')
  await see(page.getByText('Saved', { exact: true }))
  await step(page, 'Review').click()
  await button(page, 'Schedule').click()
  await page
    .getByRole('dialog')
    .getByRole('button', { name: /^Schedule/ })
    .click()
  await page.waitForURL((url) => url.pathname === `/campaigns/${campaign.campaign_id}`)
  const scheduled = await read(campaign)
  assert.equal(scheduled.status, 'scheduled')
  // The pages are in the time zone of Berlin.
  assert.equal(scheduled.scheduled_at, '2099-06-01T07:30:00.000Z')
})

test('an audience of rules is written in the composer', async (t) => {
  const campaign = await draft()
  const page = await t.newPage({ role: 'marketer' })
  await page.goto(campaign.edit)
  await page.getByRole('radio', { name: 'Rules of its own' }).check()
  await page.getByRole('textbox', { name: /as text/i }).fill('city = "Lisbon"')
  await eventually(async () =>
    assert.equal((await read(campaign)).text, 'city = "Lisbon"'),
  )
  assert.equal((await read(campaign)).segment_id, null)
  await page.reload()
  await see(page.getByRole('radio', { name: 'Rules of its own', checked: true }))
})

test('clones a campaign and deletes the draft', async (t) => {
  const { campaign } = await seed()
  const page = await t.newPage({ role: 'marketer' })
  await page.goto(`/campaigns?q=${encodeURIComponent(campaign.name)}&status=completed`)
  await page.getByRole('button', { name: `Actions for ${campaign.name}` }).click()
  await page.getByRole('menuitem', { name: 'Clone' }).click()
  await page.waitForURL(/\/campaigns\/cmp_\w+\/edit$/)
  const id = new URL(page.url()).pathname.split('/')[2]
  const clone = await api('GET', `/api/campaigns/${id}`)
  assert.equal(clone.name, `Copy of ${campaign.name}`)
  assert.equal(clone.status, 'draft')

  await page.goto('/campaigns?status=draft')
  const own = page.locator(`tr:has(a[href*="${id}"])`)
  await own.getByRole('button', { name: `Actions for ${clone.name}` }).click()
  await page.getByRole('menuitem', { name: 'Delete draft' }).click()
  const dialog = page.getByRole('dialog')
  await axe(page)
  await dialog.getByRole('button', { name: 'Delete draft' }).click()
  await gone(own)
  assert.equal((await api.raw('GET', `/api/campaigns/${id}`)).status, 404)
})

test('an unknown draft is not found', async (t) => {
  const page = await t.newPage({ permit: [404] })
  await page.goto('/campaigns/cmp_00000000000000000000000000000000/edit')
  await see(page.getByText('Not found', { exact: true }))
  await page.getByRole('link', { name: 'To the campaigns' }).click()
  await page.waitForURL('**/campaigns')
})

test('a launched campaign cannot be edited', async (t) => {
  const { campaign } = await seed()
  const page = await t.newPage({ role: 'marketer' })
  await page.goto(`/campaigns/${campaign.campaign_id}/edit`)
  await see(page.getByText('This campaign is no longer a draft'))
})

for (const [width, theme] of [
  [1440, 'light'],
  [390, 'dark'],
]) {
  test(`the composer is accessible and fits ${width} px, ${theme}`, async (t) => {
    const campaign = await draft()
    const page = await t.newPage({ role: 'marketer', width, theme })
    for (const [name, content] of [
      ['audience', page.getByRole('radio', { name: 'A segment' })],
      ['message', page.getByText(/welcome back!$/).last()],
      ['delivery', page.getByRole('radio', { name: 'At once' })],
      ['review', page.getByText(/would get it now/)],
    ]) {
      await page.goto(`${campaign.edit}?step=${name}`)
      await ready(page)
      await see(content)
      await fitsWidth(page)
      await axe(page)
      await shot(page, `composer-${name}-${width}`)
    }
  })
}
