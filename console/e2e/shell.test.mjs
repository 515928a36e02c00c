// Sign-in, the frame of all screens, and what holds for every screen.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import {
  api,
  axe,
  axeInBothThemes,
  eventually,
  fitsWidth,
  gone,
  identify,
  path,
  placeholders,
  ready,
  see,
  seed,
  server,
  shot,
  signIn,
  tablesFit,
  test,
} from './support.mjs'

const person = (name) => `${name}@patron.example`

/** Paths of every screen, with the ids of the seeded store. */
async function screens() {
  const { customers, segment, campaign, draft } = await seed()
  const imported = await server().upload(
    'customers.csv',
    'customer_id,name\nc-001,Ada Abe\n',
  )
  const { items } = await api('GET', '/api/audit?limit=1')
  const ids = {
    '/customers/:id/:tab?': `/customers/${customers[1]}`,
    '/segments/:id/:tab?': `/segments/${segment.segment_id}`,
    '/segments/:id/edit': `/segments/${segment.segment_id}/edit`,
    '/campaigns/:id/:tab?': `/campaigns/${campaign.campaign_id}`,
    '/campaigns/:id/edit': `/campaigns/${draft.campaign_id}/edit`,
    '/campaigns/:id/recipients/:customerId': `/campaigns/${campaign.campaign_id}/recipients/${customers[1]}`,
    '/imports/:id': `/imports/${imported.import_id}`,
    '/audit/:position': `/audit/${items[0].position}`,
    '/operations/:tab': '/operations/views',
  }
  const routes = readFileSync(new URL('../src/routes.tsx', import.meta.url), 'utf8')
  const paths = [...routes.matchAll(/path: '(\/[^']*)'/g)].map(([, path]) => path)
  assert.ok(paths.length > 15, 'the routes were not found')
  return paths
    .filter((path) => path !== '/sign-in')
    .map((path) => {
      const filled = path.includes(':') ? ids[path] : path
      assert.ok(filled, `no example of ${path}`)
      return filled
    })
}

const navigation = (page) => page.getByRole('navigation', { name: 'Main' })

test('signs in with the provider', async (t) => {
  identify(person('nina'), 'Nina New')
  const page = await t.newPage({ role: null })
  await page.goto('/')
  await page.getByRole('link', { name: 'Continue with your provider' }).click()
  await ready(page)
  assert.equal(path(page), '/')
  await page.getByRole('button', { name: 'Account' }).click()
  await see(page.getByText('Nina New'))
  await see(page.getByText('Role: viewer'))
})

test('signs in with the local link', async (t) => {
  const local = await t.startServer({ provider: false })
  // The sign-in page asks whether there is a provider.
  const page = await t.newPage({ role: null, server: local, permit: [404] })
  await page.goto('/customers')
  await see(page.getByText('patron up'))
  assert.equal(path(page), '/sign-in?return_to=%2Fcustomers')
  await axe(page)
  await page.goto(local.link)
  await ready(page)
  assert.equal(path(page), '/')
  await page.getByRole('button', { name: 'Account' }).click()
  await see(page.getByText('Role: admin'))
})

test('a deep link leads to the sign-in and back', async (t) => {
  identify(person('dora'))
  const page = await t.newPage({ role: null })
  await page.goto('/campaigns?status=draft')
  await page.getByRole('link', { name: 'Continue with your provider' }).click()
  await ready(page)
  assert.equal(path(page), '/campaigns?status=draft')
})

test('signs out', async (t) => {
  const page = await t.newPage({ role: null })
  await signIn(page.context(), person('otto'))
  await page.goto('/customers')
  await page.getByRole('button', { name: 'Account' }).click()
  await page.getByRole('menuitem', { name: 'Sign out' }).click()
  await see(page.getByRole('heading', { name: 'Sign in to Patron' }))
  await page.goto('/customers')
  await see(page.getByRole('heading', { name: 'Sign in to Patron' }))
})

test('a session that was ended elsewhere can be continued at the same place', async (t) => {
  const page = await t.newPage({ role: null })
  await signIn(page.context(), person('rita'))
  await page.goto('/customers')
  await ready(page)
  const { items } = await api('GET', '/api/users?limit=500')
  const { user_id } = items.find(({ email }) => email === person('rita'))
  await api('POST', `/api/users/${user_id}/sign-out`)
  await navigation(page).getByRole('link', { name: 'Segments' }).click()
  const dialog = page.getByRole('dialog', { name: 'Your session has ended' })
  await see(dialog)
  await axe(page)
  identify(person('rita'))
  await dialog.getByRole('link', { name: 'Sign in again' }).click()
  await page.waitForURL((url) => url.pathname === '/segments')
  await ready(page)
  await gone(dialog)
})

for (const [role, offered, refused] of [
  [
    'admin',
    [
      'Overview',
      'Customers',
      'Segments',
      'Campaigns',
      'Suppressions',
      'Imports',
      'Audit',
      'Operations',
      'Users',
      'Keys',
      'Settings',
    ],
    [],
  ],
  [
    'marketer',
    ['Overview', 'Customers', 'Segments', 'Campaigns', 'Suppressions', 'Imports'],
    ['/audit', '/operations', '/users', '/keys', '/settings'],
  ],
  [
    'viewer',
    ['Overview', 'Customers', 'Segments', 'Campaigns', 'Suppressions', 'Imports'],
    ['/audit', '/keys', '/segments/new', '/campaigns/new'],
  ],
]) {
  test(`offers the screens of the role ${role}`, async (t) => {
    const page = await t.newPage({ role })
    await page.goto('/')
    await ready(page)
    const links = navigation(page).getByRole('listitem').getByRole('link')
    assert.deepEqual(await links.allInnerTexts(), offered)
    for (const path of refused) {
      await page.goto(path)
      await see(page.getByText('Your role does not allow this'))
    }
  })
}

test('the palette is used with the keyboard alone', async (t) => {
  const { customers } = await seed()
  const page = await t.newPage({ role: 'viewer' })
  await page.goto('/')
  await ready(page)
  await page.keyboard.press('Control+k')
  await see(page.getByRole('dialog', { name: 'Search or go to' }))
  await axe(page)
  await page.keyboard.type('campai')
  await see(page.getByRole('option', { name: 'Campaigns', selected: true }))
  await page.keyboard.press('Enter')
  await page.waitForURL('**/campaigns')
  await page.keyboard.press('Control+k')
  await page.keyboard.type(customers[1])
  const found = page.getByRole('group', { name: 'Customers' }).getByRole('option')
  await see(found)
  while ((await found.first().getAttribute('aria-selected')) !== 'true') {
    await page.keyboard.press('ArrowDown')
  }
  await page.keyboard.press('Enter')
  await page.waitForURL(`**/customers/${customers[1]}`)
  await page.keyboard.press('Control+k')
  await see(page.getByRole('dialog', { name: 'Search or go to' }))
  await page.keyboard.press('Escape')
  await gone(page.getByRole('dialog', { name: 'Search or go to' }))
})

test('a chosen theme is kept', async (t) => {
  const page = await t.newPage({ theme: 'light' })
  const color = () => page.evaluate(() => getComputedStyle(document.body).color)
  await page.goto('/')
  await ready(page)
  const light = await color()
  await page.getByRole('button', { name: 'Theme' }).click()
  await page.getByRole('menuitemradio', { name: 'Dark' }).click()
  await eventually(async () => assert.notEqual(await color(), light))
  const dark = await color()
  await page.reload()
  await ready(page)
  assert.equal(await color(), dark)
  await page.getByRole('button', { name: 'Theme' }).click()
  await page.getByRole('menuitemradio', { name: 'As the system' }).click()
  await eventually(async () => assert.equal(await color(), light))
  await page.emulateMedia({ colorScheme: 'dark' })
  await eventually(async () => assert.equal(await color(), dark))
})

test('the phone has a drawer for the navigation', async (t) => {
  const page = await t.newPage({ width: 390 })
  await page.goto('/')
  await ready(page)
  await page.getByRole('button', { name: 'Open the navigation' }).click()
  await axe(page)
  await page.getByRole('dialog').getByRole('link', { name: 'Customers' }).click()
  await page.waitForURL('**/customers')
  await gone(page.getByRole('dialog'))
})

test('every screen is accessible in both themes', { timeout: 300_000 }, async (t) => {
  const page = await t.newPage()
  for (const screen of await screens()) {
    await page.goto(screen)
    await ready(page)
    await axeInBothThemes(page)
  }
})

test('no screen of a phone scrolls sideways', { timeout: 300_000 }, async (t) => {
  const page = await t.newPage({ width: 390 })
  const { customers, segment, campaign } = await seed()
  const tabs = [
    `/customers/${customers[1]}/orders`,
    `/segments/${segment.segment_id}/customers`,
    `/segments/${segment.segment_id}/similar`,
    `/campaigns/${campaign.campaign_id}/recipients`,
    '/operations/log',
    '/operations/workers',
  ]
  for (const screen of [...(await screens()), ...tabs]) {
    await page.goto(screen)
    await ready(page)
    await fitsWidth(page)
    await tablesFit(page)
  }
})

test('an unknown page leads back', async (t) => {
  const page = await t.newPage()
  await page.goto('/customers/one/two/three')
  await see(page.getByText('There is no such page'))
  await axe(page)
  await page.getByRole('link', { name: 'To the overview' }).click()
  await ready(page)
  assert.equal(path(page), '/')
})

test('the server goes away and comes back', async (t) => {
  const other = await t.startServer()
  const page = await t.newPage({ server: other, permit: ['net::ERR_'] })
  await page.goto('/customers')
  await ready(page)
  other.suspend()
  await navigation(page).getByRole('link', { name: 'Segments' }).click()
  await see(placeholders(page))
  other.resume()
  await ready(page)
  await page.goto('/customers')
  await ready(page)
  await other.kill()
  await navigation(page).getByRole('link', { name: 'Campaigns' }).click()
  const failed = page
    .getByText('The server cannot be reached')
    .or(page.getByText('could not be loaded'))
  await see(failed)
  await other.restart()
  await page
    .getByRole('button', { name: /Try again|Load the page again/ })
    .first()
    .click()
  await gone(failed)
  await ready(page)
})

test('the first screen on a slow processor', async (t) => {
  await seed()
  const page = await t.newPage()
  const devtools = await page.context().newCDPSession(page)
  await devtools.send('Emulation.setCPUThrottlingRate', { rate: 4 })
  await devtools.send('Network.enable')
  let bytes = 0
  devtools.on('Network.loadingFinished', ({ encodedDataLength }) => {
    bytes += encodedDataLength
  })
  const started = Date.now()
  await page.goto('/')
  await see(page.getByRole('heading', { level: 1 }))
  const heading = Date.now() - started
  await ready(page)
  const complete = Date.now() - started
  const loaded = (bytes / 1000).toFixed(0)
  console.log(
    `          usable after ${heading} ms, complete after ${complete} ms, ${loaded} KB with its data`,
  )
  await shot(page, 'first-screen')
})
