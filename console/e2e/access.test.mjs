// Users, keys and settings.
import assert from 'node:assert/strict'
import {
  api,
  axeInBothThemes,
  eventually,
  fitsWidth,
  gone,
  path,
  see,
  signIn,
  test,
  unique,
} from './support.mjs'

test('a new role takes effect at once', async (t) => {
  const email = `${unique('rita')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]/g, '')}@patron.example`
  const person = await t.newPage({ role: null })
  await signIn(person.context(), email)
  await person.goto('/')
  await see(person.getByRole('heading', { name: 'Overview' }))
  await gone(person.getByRole('link', { name: 'Audit', exact: true }))

  const admin = await t.newPage({ role: 'admin' })
  await admin.goto('/users')
  await admin
    .getByRole('row', { name: email })
    .getByRole('button', { name: /^Change role/ })
    .click()
  const dialog = admin.getByRole('dialog')
  await dialog.getByRole('radio', { name: 'Admin' }).check()
  await dialog.getByRole('button', { name: 'Change role' }).click()
  await see(admin.getByText('now has the role Admin'))

  await person.reload()
  await see(person.getByRole('link', { name: 'Audit', exact: true }))
})

test('a revoked session ends', async (t) => {
  const email = `${unique('rob')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]/g, '')}@patron.example`
  const person = await t.newPage({ role: null, permit: [401] })
  await signIn(person.context(), email)
  await person.goto('/customers')
  await see(person.getByRole('heading', { name: 'Customers' }))

  const admin = await t.newPage({ role: 'admin' })
  await admin.goto('/users')
  await admin
    .getByRole('row', { name: email })
    .getByRole('button', { name: /^Sign out/ })
    .click()
  await admin.getByRole('button', { name: 'Sign out everywhere' }).click()
  await see(admin.getByText('is signed out everywhere'))

  await person.getByRole('searchbox', { name: 'Search customers' }).fill('c-0')
  await see(person.getByRole('dialog', { name: /session/i }))
})

test('a key is shown once, works, and is revoked', async (t) => {
  const name = unique('Shop server')
  const page = await t.newPage({ role: 'admin' })
  await page.goto('/keys')
  await page.getByRole('button', { name: 'Create a key' }).first().click()
  assert.equal(path(page), '/keys?dialog=new')
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Name').fill(name)
  // Nothing typed is lost by a reload.
  await page.reload()
  assert.equal(await dialog.getByLabel('Name').inputValue(), name)
  await dialog.getByRole('radio', { name: 'Viewer' }).check()
  const client = unique('Shop')
  await dialog.getByLabel('Client').fill(client)
  await dialog.getByRole('button', { name: 'Create' }).last().click()
  const secret = (await dialog.getByRole('region', { name: 'Secret' }).innerText()).trim()
  assert.match(secret, /^patron_/)
  await dialog.getByRole('button', { name: 'I have stored it' }).click()

  await see(page.getByRole('row', { name }).getByText(`Client: ${client}`))
  const asKey = () => api.raw('GET', '/api/customers?limit=1', undefined, { key: secret })
  assert.equal((await asKey()).status, 200)
  await page
    .getByRole('row', { name })
    .getByRole('button', { name: /^Revoke/ })
    .click()
  await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click()
  await gone(page.getByRole('row', { name }))
  await eventually(async () => assert.equal((await asKey()).status, 401))
  await page.getByRole('button', { name: 'All', exact: true }).click()
  await see(page.getByRole('row', { name }).getByText('Revoked'))
})

test('a refused key is explained beside its field', async (t) => {
  const page = await t.newPage({ role: 'admin', permit: [422] })
  await page.goto('/keys?dialog=new')
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Name').fill('')
  await dialog.getByRole('button', { name: 'Create' }).last().click()
  const described = dialog.getByLabel('Name')
  await eventually(async () =>
    assert.equal(await described.getAttribute('aria-invalid'), 'true'),
  )
})

test('settings show values with their source, and no secret', async (t) => {
  const page = await t.newPage({ role: 'admin' })
  await page.goto('/settings')
  const currency = page.getByRole('row', { name: /PATRON_CURRENCY/ })
  await see(currency)
  await see(currency.getByText('USD'))
  await page.getByRole('searchbox', { name: 'Search settings' }).fill('bootstrap')
  const key = page.getByRole('row', { name: /PATRON_BOOTSTRAP_KEY/ })
  await see(key)
  await eventually(() => assert.equal(path(page), '/settings?q=bootstrap'))
  await gone(currency)
})

test('access and settings fit a phone, in both themes', async (t) => {
  const page = await t.newPage({ role: 'admin', width: 390 })
  for (const [where, heading] of [
    ['/users', 'Users'],
    ['/keys', 'Keys'],
    ['/settings', 'Settings'],
  ]) {
    await page.goto(where)
    await see(page.getByRole('heading', { name: heading, level: 1 }))
    await see(
      page
        .getByRole('table')
        .or(page.getByText(/^No (active )?keys/))
        .first(),
    )
    await fitsWidth(page)
    await axeInBothThemes(page)
  }
})
