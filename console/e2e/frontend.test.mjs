// A frontend on another origin, the example of docs/frontend: allowed, and refused.
import assert from 'node:assert/strict'
import { USERS, eventually, gone, see, test } from './support.mjs'
import { Pages, build } from './frontend-helper.mjs'

/** Starts a Patron that allows one of two origins, both with the example's pages. */
async function start(t) {
  const [allowed, other] = [await Pages.start(t), await Pages.start(t)]
  const server = await t.startServer({
    environment: { PATRON_ALLOWED_ORIGINS: allowed.origin },
  })
  allowed.dir = other.dir = await build(t, server.url)
  return { allowed, other, server }
}

/** Opens a page that may load the frontend's own files, and signs nobody in. */
async function open(t, server, pages, permit = []) {
  const own = `request to another origin: ${pages.origin}/`
  const page = await t.newPage({ server, role: null, permit: [own, ...permit] })
  await page.goto(pages.origin)
  return page
}

/** Makes the provider sign this user in from now on. */
async function chooseUser(t, server, email) {
  const page = await t.newPage({ server, role: null })
  await server.signIn(page.context(), email)
}

async function draft(server, name) {
  return await server.api('POST', '/api/campaigns', {
    name,
    rules: 'order_count >= 0',
    message: { template: 'Hi {{ name }}!' },
  })
}

test('a frontend on an allowed origin signs in, reads, follows and writes', async (t) => {
  const { allowed, server } = await start(t)
  await server.api('POST', '/api/data/customers', [
    { customer_id: 'c-1', name: 'Ada', email: 'ada@shop.example' },
    { customer_id: 'c-2', name: 'Ben', email: 'ben@shop.example' },
  ])
  const { campaign_id } = await draft(server, 'Live')
  await chooseUser(t, server, USERS.marketer.email)

  const page = await open(t, server, allowed)
  await page.getByRole('link', { name: 'Sign in' }).click()
  await see(page.getByText(USERS.marketer.email))
  assert.equal(new URL(page.url()).origin, allowed.origin)
  await see(page.getByText('Live: draft'))

  await page.getByRole('button', { name: 'Follow Live' }).click()
  const progress = page.getByRole('region', { name: 'Progress' })
  await see(progress.getByRole('heading', { name: 'draft' }))
  await server.api('POST', `/api/campaigns/${campaign_id}/launch`, {})
  await see(progress.getByRole('heading', { name: 'completed' }), { timeout: 60_000 })
  await see(progress.getByText('of 2 sent'))

  await page.getByRole('button', { name: 'Sign out' }).click()
  await see(page.getByRole('link', { name: 'Sign in' }))
  await page.reload()
  await see(page.getByRole('link', { name: 'Sign in' }))
})

test('a page of another origin reads nothing and changes nothing', async (t) => {
  const { allowed, other, server } = await start(t)
  await draft(server, 'Hidden')
  await chooseUser(t, server, USERS.marketer.email)
  const page = await open(t, server, allowed, [
    `request to another origin: ${other.origin}/`,
    'CORS policy',
    'net::ERR_FAILED',
    'net::ERR_BLOCKED_BY_RESPONSE',
    'status 403 of POST /api/auth/logout',
    'a status of 403',
  ])
  await page.getByRole('link', { name: 'Sign in' }).click()
  await see(page.getByText('Hidden: draft'))

  // The same browser, with the session, at the other origin.
  await page.goto(other.origin)
  await see(page.getByRole('alert').getByText('PATRON_ALLOWED_ORIGINS'))
  await gone(page.getByText('Hidden'))
  // A request that needs no preflight reaches the server with the cookie. The page sees no
  // answer, and the server refuses the write: the session is still open.
  await page.evaluate(
    (url) =>
      fetch(url, { method: 'POST', mode: 'no-cors', credentials: 'include' }).catch(
        () => {},
      ),
    `${server.url}/api/auth/logout`,
  )
  await page.goto(allowed.origin)
  await see(page.getByText('Hidden: draft'))

  const refused = await server.raw('GET', '/api/auth/google?return_to=' + other.origin)
  assert.equal(refused.status, 400)
  await eventually(async () => {
    const { items } = await server.api('GET', '/api/campaigns')
    assert.deepEqual(
      items.map(({ name }) => name),
      ['Hidden'],
    )
  })
})
