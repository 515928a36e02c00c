// Segments: the list, the editor with its three forms, one segment.
import assert from 'node:assert/strict'
import {
  api,
  axe,
  axeInBothThemes,
  eventually,
  fitsWidth,
  gone,
  path,
  see,
  seed,
  shot,
  test,
  unique,
} from './support.mjs'

const rulesText = (page) => page.getByLabel('Rules as text')
const matching = (page) => page.getByRole('status', { name: 'Matching customers' })
const condition = (page, name) => page.getByRole('group', { name, exact: true })

/** Waits until the live count is that of the rules, and returns it. */
async function counted(page, rules) {
  const { count, total_customers } = await api('POST', '/api/segments/preview', { rules })
  const words = `${count.toLocaleString('en-US')} of ${total_customers.toLocaleString('en-US')}`
  await see(matching(page).getByText(words))
  return count
}

/** Waits until the rules as text are these. */
const written = (page, rules) =>
  eventually(async () => assert.equal(await rulesText(page).inputValue(), rules))

/** Holds the requests to a URL until they are released; `asked` waits for the first one. */
async function held(page, url) {
  let ask
  let release
  const asked = new Promise((resolve) => (ask = resolve))
  const released = new Promise((resolve) => (release = resolve))
  await page.route(url, async (route) => {
    ask()
    await released
    // A request that was replaced by a newer one is gone by now.
    await route.continue().catch(() => {})
  })
  return { asked, release }
}

/** Edits fields in one task, as a busy browser does: nothing is drawn between the edits. */
async function inOneTask(edits) {
  const fields = await Promise.all(
    edits.map(async ([locator, value]) => ({
      element: await locator.elementHandle(),
      value,
    })),
  )
  const page = edits[0][0].page()
  await page.evaluate((all) => {
    for (const { element, value } of all) {
      const { set } = Object.getOwnPropertyDescriptor(
        Object.getPrototypeOf(element),
        'value',
      )
      set.call(element, value)
      const type = element.tagName === 'SELECT' ? 'change' : 'input'
      element.dispatchEvent(new Event(type, { bubbles: true }))
    }
  }, fields)
}

async function createSegment(rules, name = unique('Segment')) {
  return await api('POST', '/api/segments', { name, rules })
}

test('a segment by clicks, by text and in plain words has equal counts', async (t) => {
  await seed()
  const rules = 'order_count >= 2 AND total_spend > 5000'
  const page = await t.newPage({ role: 'marketer' })

  await page.goto('/segments')
  await page.getByRole('link', { name: 'New segment' }).click()
  const clicked = unique('By clicks')
  await page.getByLabel('Name', { exact: true }).fill(clicked)
  const orders = condition(page, 'Condition 1: Number of orders')
  await orders.getByLabel('Value').fill('2')
  await page.getByRole('button', { name: 'Add condition' }).click()
  await condition(page, 'Condition 2: Number of orders')
    .getByLabel('Field')
    .selectOption('Total spend')
  const spend = condition(page, 'Condition 2: Total spend')
  await spend.getByLabel('Operator').selectOption('is more than')
  await spend.getByLabel('Value in USD').fill('50.00')
  assert.equal(await rulesText(page).inputValue(), rules)
  const byClicks = await counted(page, rules)
  assert.ok(byClicks > 0, 'the seeded store has such customers')
  await shot(page, 'segment-builder')
  await page.getByRole('button', { name: 'Create segment' }).click()
  await see(page.getByRole('heading', { name: clicked }))
  const id = path(page).split('/')[2]
  assert.equal((await api('GET', `/api/segments/${id}`)).text, rules)

  await page.goto('/segments/new')
  await rulesText(page).fill('total_spend>5000 and order_count>=2')
  await see(condition(page, 'Condition 1: Total spend'))
  assert.equal(await page.getByLabel('Value in USD').inputValue(), '50')
  const byText = await counted(page, rules)

  await page
    .getByLabel('In plain words')
    .fill('ordered at least 2 times and spent more than $50')
  await page.getByRole('button', { name: 'Write the rules' }).click()
  await see(page.getByText('Understood as'))
  const inWords = await counted(page, rules)
  assert.deepEqual([byText, inWords], [byClicks, byClicks])
})

test('the builder works by keyboard alone', async (t) => {
  const page = await t.newPage({ role: 'marketer' })
  await page.goto('/segments/new')
  await see(matching(page))
  const press = (...keys) =>
    keys.reduce((p, key) => p.then(() => page.keyboard.press(key)), Promise.resolve())
  const focused = (locator) =>
    locator.evaluate((element) => element === document.activeElement)
  /** Presses Tab, or Shift+Tab, until the element has the focus. */
  async function tabTo(locator, key = 'Tab') {
    for (let presses = 0; presses < 60; presses += 1) {
      if (await focused(locator)) return
      await page.keyboard.press(key)
    }
    assert.fail(`the keyboard does not reach ${locator}`)
  }
  const name = unique('By keyboard')
  await tabTo(page.getByLabel('Name', { exact: true }))
  await page.keyboard.type(name)

  await tabTo(page.getByRole('button', { name: 'Add condition' }))
  await press('Enter')
  await eventually(async () => {
    const added = condition(page, 'Condition 2: Number of orders')
    assert.ok(await focused(added.getByLabel('Field')), 'the new condition has the focus')
  })
  const field = page.getByLabel('Field').nth(1)
  for (let presses = 0; presses < 20; presses += 1) {
    if ((await field.inputValue()) === 'city') break
    await press('ArrowUp')
  }
  const city = condition(page, 'Condition 2: City')
  await see(city)
  await tabTo(city.getByLabel('Value'))
  await page.keyboard.type('Kyoto')
  await tabTo(city.getByRole('button', { name: 'Move condition up' }))
  await press('Enter')
  const moved = condition(page, 'Condition 1: City')
  await see(moved)
  await eventually(async () => {
    const inside = await moved.evaluate((row) => row.contains(document.activeElement))
    assert.ok(inside, 'the moved condition keeps the focus')
  })

  await tabTo(page.getByRole('button', { name: 'Add group' }))
  await press('Enter')
  const group = page.getByRole('group', { name: 'Group 3', exact: true })
  await see(group)
  await tabTo(group.getByLabel('Not'), 'Shift+Tab')
  await press('Space')
  await tabTo(group.getByRole('button', { name: 'Add condition' }))
  await press('Enter')
  await see(condition(page, 'Condition 3.2: Number of orders'))
  await tabTo(
    condition(page, 'Condition 3.1: Number of orders').getByRole('button', {
      name: 'Remove condition',
    }),
    'Shift+Tab',
  )
  await press('Enter')
  const rules = 'city = "Kyoto" AND order_count >= 1 AND NOT (order_count >= 1)'
  await eventually(async () => assert.equal(await rulesText(page).inputValue(), rules))
  await tabTo(page.getByRole('button', { name: 'Create segment' }))
  await press('Enter')
  await see(page.getByRole('heading', { name }))
})

test('bad input is shown beside its rule, and a reload keeps what was typed', async (t) => {
  const page = await t.newPage({ role: 'marketer', permit: [422] })
  await page.goto('/segments/new')
  const typed = 'order_count > many AND (city = Rome OR tags = vip)'
  await rulesText(page).fill(typed)
  const first = condition(page, 'Condition 1: Number of orders')
  await see(
    first.getByText('the value of order_count must be a whole number, not "many"'),
  )
  const tags = condition(page, 'Condition 2.2: Tags')
  await see(tags.getByText('the operator = does not fit tags'))
  await axe(page)
  await page.getByRole('button', { name: 'Show in the text' }).first().click()
  const marked = await rulesText(page).evaluate((input) =>
    input.value.slice(input.selectionStart, input.selectionEnd),
  )
  assert.equal(marked, 'order_count > many')

  await page.getByRole('button', { name: 'Create segment' }).click()
  await see(page.getByText('Some fields need a change.'))
  await page.reload()
  assert.equal(await rulesText(page).inputValue(), typed)
  await first.getByLabel('Value').fill('3')
  await tags.getByLabel('Operator').selectOption('include')
  await gone(page.getByText('must be a whole number'))
  await counted(page, 'order_count > 3 AND (city = Rome OR tags contains vip)')

  await rulesText(page).fill('order_count > 3 AND city =')
  await see(page.getByText('expected a value, found the end'))
  await see(page.getByText('The text cannot be read yet.'))
})

test('typing in a row goes on while counts arrive', async (t) => {
  const page = await t.newPage({ role: 'marketer' })
  const rules = 'order_count > 1 AND (city = Ro OR tags contains vip)'
  const counting = await held(page, '**/api/segments/preview')
  await page.goto(`/segments/new?rules=${encodeURIComponent(rules)}`)
  const city = condition(page, 'Condition 2.1: City').getByLabel('Value')
  await city.focus()
  await page.keyboard.press('End')
  await counting.asked
  counting.release()
  await counted(page, rules)
  for (const key of 'me') await page.keyboard.press(key)
  assert.equal(await city.inputValue(), 'Rome')
  const typed = 'order_count > 1 AND (city = "Rome" OR tags contains "vip")'
  assert.equal(await rulesText(page).inputValue(), typed)
})

test('edits that follow each other before the page is drawn are all kept', async (t) => {
  const page = await t.newPage({ role: 'marketer' })
  const rules = 'order_count > 1 AND (city = Rome OR total_spend between 100 and 200)'
  await page.goto(`/segments/new?rules=${encodeURIComponent(rules)}`)
  await counted(page, rules)
  const spend = condition(page, 'Condition 2.2: Total spend')
  await inOneTask([
    [page.getByLabel('Name', { exact: true }), 'Quick'],
    [condition(page, 'Condition 1: Number of orders').getByLabel('Value'), '3'],
    [condition(page, 'Condition 2.1: City').getByLabel('Operator'), '!='],
    [spend.getByLabel('From in USD'), '4'],
    [spend.getByLabel('To in USD'), '5'],
    [page.getByLabel('In plain words'), 'quick buyers'],
  ])
  const all = 'order_count > 3 AND (city != "Rome" OR total_spend between 400 AND 500)'
  await written(page, all)
  assert.equal(await page.getByLabel('Name', { exact: true }).inputValue(), 'Quick')
  assert.equal(await page.getByLabel('In plain words').inputValue(), 'quick buyers')

  // The rows follow a text at once, and go on from it.
  await inOneTask([
    [rulesText(page), 'order_count > 8 AND (city = Oslo OR total_spend > 700)'],
    [condition(page, 'Condition 1: Number of orders').getByLabel('Value'), '9'],
  ])
  const followed = 'order_count > 9 AND (city = "Oslo" OR total_spend > 700)'
  await written(page, followed)
  // An edit that takes back the one before it is an edit too.
  const value = condition(page, 'Condition 1: Number of orders').getByLabel('Value')
  await inOneTask([
    [value, '7'],
    [value, '9'],
  ])
  await written(page, followed)
})

test('an answer in plain words does not replace rules that were edited since', async (t) => {
  const page = await t.newPage({ role: 'marketer' })
  const rules = 'order_count > 1 AND city = Rome'
  await page.goto(`/segments/new?rules=${encodeURIComponent(rules)}`)
  await counted(page, rules)
  const words = page.getByLabel('In plain words')
  const answer = await held(page, '**/api/ai/segment-rules')
  await words.fill('ordered at least 2 times')
  await page.getByRole('button', { name: 'Write the rules' }).click()
  await answer.asked
  await condition(page, 'Condition 1: Number of orders').getByLabel('Value').fill('3')
  answer.release()
  await see(page.getByText('You changed the rules meanwhile'))
  await written(page, 'order_count > 3 AND city = "Rome"')
  await counted(page, 'order_count > 3 AND city = Rome')
  await eventually(() => axe(page))
  await page.getByRole('button', { name: 'Use the answer' }).click()
  await gone(page.getByText('You changed the rules meanwhile'))
  await written(page, 'order_count >= 2')
})

test('counts follow an instant in the past', async (t) => {
  await seed()
  const page = await t.newPage({ role: 'marketer' })
  await page.goto(
    '/segments/new?rules=order_count%20%3E%3D%201&as_of=2020-01-01T00:00:00.000Z',
  )
  await see(matching(page).getByText('0 of 0 customers match'))
  await page.getByRole('button', { name: 'Now' }).click()
  await counted(page, 'order_count >= 1')
  assert.equal(
    path(page),
    '/segments/new?rules=order_count%20%3E%3D%201'.replaceAll('%20', '+'),
  )
})

test('explains why a customer is in a segment', async (t) => {
  const { segment, customers } = await seed()
  const id = segment.segment_id
  const explain = (customer) =>
    api('GET', `/api/segments/${id}/explain?customer_id=${customer}`)
  const verdicts = await Promise.all(customers.slice(0, 30).map(explain))
  const inside = verdicts.find(({ matches }) => matches)
  const outside = verdicts.find(({ matches }) => !matches)
  const page = await t.newPage({ role: 'viewer', permit: [404] })
  await page.goto(`/segments/${id}/explain`)
  await page.getByLabel('Customer', { exact: true }).fill(inside.customer_id)
  await page.getByRole('button', { name: 'Explain' }).click()
  await see(page.getByText('In the segment', { exact: true }))
  assert.equal(path(page), `/segments/${id}/explain?customer_id=${inside.customer_id}`)
  await page.goto(`/segments/${id}/explain?customer_id=${outside.customer_id}`)
  await see(page.getByText('Not in the segment'))
  await axe(page)
  await page.goto(`/segments/${id}/explain?customer_id=nobody-at-all`)
  await see(page.getByRole('alert').getByText('nobody-at-all'))
  await see(page.getByRole('alert').getByText('Request'))
})

test('a segment is not archived while a campaign holds it', async (t) => {
  const segment = await createSegment('order_count >= 1')
  const campaign = await api('POST', '/api/campaigns', {
    name: unique('Holder'),
    segment_id: segment.segment_id,
    message: { template: 'Hello' },
    scheduled_at: new Date(Date.now() + 86_400_000).toISOString(),
  })
  const page = await t.newPage({ role: 'marketer', permit: [409] })
  await page.goto(`/segments/${segment.segment_id}`)
  await see(page.getByRole('link', { name: campaign.name }))
  await page.getByRole('button', { name: 'Archive' }).click()
  await page.getByRole('button', { name: 'Archive segment' }).click()
  const dialog = page.getByRole('dialog')
  await see(dialog.getByText(`held by ${campaign.campaign_id}`))
  await see(dialog.getByRole('link', { name: campaign.name }))
  await axe(page)

  const free = await createSegment('order_count >= 1')
  await page.goto(`/segments/${free.segment_id}`)
  await page.getByRole('button', { name: 'Archive' }).click()
  await page.getByRole('button', { name: 'Archive segment' }).click()
  await see(page.getByRole('heading', { name: 'Segments' }))
  await page.getByLabel('Search by name').fill(free.name)
  await see(page.getByText('No segment matches'))
  await page.goto(`/segments?show=archived&q=${encodeURIComponent(free.name)}`)
  await page.getByRole('link', { name: free.name }).click()
  await see(page.getByText('Archived', { exact: true }).first())
  assert.equal(await page.getByRole('link', { name: 'Edit' }).count(), 0)
})

test('the list has live counts and is searched in the URL', async (t) => {
  const tag = unique('tag').replaceAll(/\W/g, '-')
  const segment = await createSegment(`tags contains "${tag}"`)
  const page = await t.newPage({ role: 'viewer' })
  await page.goto('/segments')
  await page.getByLabel('Search by name').fill(segment.name)
  await eventually(() => assert.ok(path(page).startsWith('/segments?q=')))
  const row = page.getByRole('row').filter({ hasText: segment.name })
  await see(row.getByText('0', { exact: true }))
  assert.equal(await page.getByRole('link', { name: 'New segment' }).count(), 0)
  await api('POST', '/api/data/customers', { customer_id: `${tag}-1`, tags: [tag] })
  await see(row.getByText('1', { exact: true }))
  await row.getByRole('link', { name: segment.name }).click()
  await see(page.getByRole('heading', { name: segment.name }))
  await page.getByRole('link', { name: 'Customers', exact: true }).last().click()
  await see(page.getByRole('link', { name: `${tag}-1` }))
  assert.equal(await page.getByRole('button', { name: 'Archive' }).count(), 0)
  await page.goBack()
  await page.goBack()
  assert.equal(await page.getByLabel('Search by name').inputValue(), segment.name)
})

test('an edit does not overwrite the change of somebody else unnoticed', async (t) => {
  const segment = await createSegment('order_count >= 1')
  const url = `/api/segments/${segment.segment_id}`
  const page = await t.newPage({ role: 'marketer' })
  await page.goto(`/segments/${segment.segment_id}/edit`)
  await rulesText(page).fill('order_count >= 3')
  await counted(page, 'order_count >= 3')
  await api('PUT', url, { name: segment.name, rules: 'order_count >= 2' })
  await page.getByRole('button', { name: 'Save changes' }).click()
  await see(page.getByRole('alert').getByText('order_count >= 2'))
  assert.equal((await api('GET', url)).text, 'order_count >= 2')
  await page.getByRole('button', { name: 'Save mine instead' }).click()
  await see(page.getByRole('heading', { name: segment.name, exact: true }))
  assert.equal((await api('GET', url)).text, 'order_count >= 3')
})

test('segments without customers, and without an answer', async (t) => {
  const server = await t.startServer({})
  const page = await t.newPage({ server, permit: [503] })
  await page.goto('/segments')
  await see(page.getByText('No segments yet'))
  await axe(page)
  await page.getByRole('link', { name: 'New segment' }).first().click()
  await see(matching(page).getByText('0 of 0 customers match'))
  const problem = {
    type: 'about:blank',
    title: 'Unavailable',
    status: 503,
    detail: 'MongoDB sleeps',
  }
  await page.route('**/api/segments?*', (route) =>
    route.fulfill({
      status: 503,
      contentType: 'application/problem+json',
      headers: { 'X-Request-Id': 'request-of-this-case' },
      body: JSON.stringify(problem),
    }),
  )
  await page.goto('/segments')
  await see(page.getByRole('alert').getByText('MongoDB sleeps'))
  await see(page.getByText('request-of-this-case'))
  await page.unroute('**/api/segments?*')
  await page.getByRole('button', { name: 'Try again' }).click()
  await see(page.getByText('No segments yet'))
})

test('segments fit a phone, in both themes', async (t) => {
  const { segment } = await seed()
  const rules =
    'total_spend > 5000 AND NOT (city in (Kyoto, Lisbon) OR attributes.plan = gold)'
  const deep = await createSegment(rules)
  const paths = [
    '/segments',
    `/segments/${segment.segment_id}`,
    `/segments/${segment.segment_id}/customers`,
    `/segments/${segment.segment_id}/similar`,
    `/segments/${deep.segment_id}/edit`,
  ]
  const page = await t.newPage({ width: 390 })
  for (const one of paths) {
    await page.goto(one)
    await see(page.getByRole('heading', { level: 1 }))
    await see(page.getByRole('main').getByText(/\d/).first())
    if (one.endsWith('/edit')) await counted(page, rules)
    await fitsWidth(page)
    await axeInBothThemes(page)
  }
})
