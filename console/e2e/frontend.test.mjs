// A frontend on another origin, the example of docs/frontend: allowed, and refused.
import assert from 'node:assert/strict'
import { USERS, gone, see, test } from './support.mjs'
import { Pages, build } from './frontend-helper.mjs'

// One case: its server, its build and its session serve both origins.
test('a frontend works on an allowed origin, and on no other', async (t) => {
  const [allowed, other] = [await Pages.start(t), await Pages.start(t)]
  const server = await t.startServer({
    environment: { PATRON_ALLOWED_ORIGINS: allowed.origin },
  })
  allowed.dir = other.dir = await build(t, server.url)
  await server.api('POST', '/api/data/customers', [
    { customer_id: 'c-1', name: 'Ada', email: 'ada@shop.example' },
    { customer_id: 'c-2', name: 'Ben', email: 'ben@shop.example' },
  ])
  const { campaign_id } = await server.api('POST', '/api/campaigns', {
    name: 'Live',
    rules: 'order_count >= 0',
    message: { template: 'Hi {{ name }}!' },
  })
  // From now on the provider signs this user in.
  const consolePage = await t.newPage({ server, role: null })
  await server.signIn(consolePage.context(), USERS.marketer.email)

  const page = await t.newPage({
    server,
    role: null,
    permit: [
      `request to another origin: ${allowed.origin}/`,
      `request to another origin: ${other.origin}/`,
    ],
  })
  await page.goto(allowed.origin)
  await page.getByRole('link', { name: 'Sign in' }).click()
  await see(page.getByText(USERS.marketer.email))
  assert.equal(new URL(page.url()).origin, allowed.origin)
  await see(page.getByText('Live: draft'))

  await page.getByRole('button', { name: 'Follow Live' }).click()
  const progress = page.getByRole('region', { name: 'Progress' })
  await see(progress.getByRole('heading', { name: 'draft' }))
  await server.api('POST', `/api/campaigns/${campaign_id}/launch`)
  await see(progress.getByRole('heading', { name: 'completed' }), { timeout: 60_000 })
  await see(progress.getByText('of 2 sent'))

  // The same browser, with the session, at the other origin: it reads nothing.
  t.permit(page, 'CORS policy', 'net::ERR_FAILED')
  await page.goto(other.origin)
  await see(page.getByRole('alert').getByText('PATRON_ALLOWED_ORIGINS'))
  await gone(page.getByText('Live'))
  // A request that needs no preflight reaches the server with the cookie. The page sees no
  // answer, and the server refuses the write: the session is still open.
  t.permit(page, 403, 'net::ERR_BLOCKED_BY_RESPONSE')
  await page.evaluate(
    (url) =>
      fetch(url, { method: 'POST', mode: 'no-cors', credentials: 'include' }).catch(
        () => {},
      ),
    `${server.url}/api/auth/logout`,
  )
  await page.goto(allowed.origin)
  await see(page.getByText('Live: completed'))

  const refused = await server.raw('GET', `/api/auth/google?return_to=${other.origin}`)
  assert.equal(refused.status, 400)

  // From the allowed origin the same write is carried out.
  await page.getByRole('button', { name: 'Sign out' }).click()
  await see(page.getByRole('link', { name: 'Sign in' }))
  await page.reload()
  await see(page.getByRole('link', { name: 'Sign in' }))
})
