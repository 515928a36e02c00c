// A Patron under test: `patron up` with a namespace of its own on the engines of the run.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { eventually } from './waiting.mjs'
import { Program, run } from './processes.mjs'
import { startProxy } from './proxy.mjs'
import { PAGES } from './tools.mjs'

/** The people of the tests. The first admin is one by configuration; the others get their role. */
export const USERS = {
  admin: { email: 'ada.admin@patron.example', name: 'Ada Admin' },
  marketer: { email: 'max.marketer@patron.example', name: 'Max Marketer' },
  viewer: { email: 'vera.viewer@patron.example', name: 'Vera Viewer' },
}

/** Time for a request of the tests themselves. */
const REQUEST = 60_000

let servers = 0

export class Server {
  #run
  #settings
  #program
  #proxy
  #states = new Map()
  #keys = new Map()

  /** Starts a server. `provider: false` is one with a one-time link instead. */
  static async start(run, settings = {}) {
    servers += 1
    const server = new Server()
    server.#run = run
    server.#settings = { provider: true, environment: {}, ...settings }
    server.name = `e2e${process.pid}n${servers}`
    server.port = 0
    if (PAGES) server.#proxy = await startProxy()
    await server.#start()
    return server
  }

  get pid() {
    return this.#program.pid
  }

  /** Options that lead a command of `patron` to this server's deployment. */
  get target() {
    const { redis_url, mongodb_uri } = this.#run.engines
    return [
      ...['--redis-url', redis_url, '--mongodb-uri', mongodb_uri],
      ...['--namespace', this.name, '--database', this.name],
    ]
  }

  async #start() {
    const { provider, environment } = this.#settings
    const dir = join(this.#run.dir, this.name)
    const signIn = provider && {
      PATRON_OIDC_ISSUER: this.#run.provider.issuer,
      GOOGLE_CLIENT_ID: 'patron-e2e',
      GOOGLE_CLIENT_SECRET: 'secret-of-the-tests',
      PATRON_ADMIN_EMAILS: USERS.admin.email,
      PATRON_ALLOWED_DOMAINS: 'patron.example',
    }
    this.#program = new Program(
      [
        ...['up', '--data-dir', dir, ...this.target, '--partitions', '4'],
        ...['--listen', `127.0.0.1:${this.port}`, '--vendor-listen', '127.0.0.1:0'],
      ],
      {
        ...signIn,
        ...(this.#proxy && { PATRON_PUBLIC_URL: `http://localhost:${this.#proxy.port}` }),
        ...environment,
      },
    )
    const lines = await this.#program.linesUntil(/^Try:/)
    const printed = (pattern) =>
      lines.map((line) => pattern.exec(line)?.[1]).find(Boolean)
    this.port = Number(printed(/^ {2}API +http:\/\/127\.0\.0\.1:(\d+)/))
    // The host of the session's cookie.
    this.url = `http://localhost:${this.#proxy?.port ?? this.port}`
    if (this.#proxy) this.#proxy.upstream = this.port
    this.vendor = printed(/^ {2}vendor +(\S+)/)
    this.key = printed(/^ {2}key +(\S+)/)
    this.link = printed(/^ {2}sign in +(\S+)/)
    await eventually(
      async () => {
        const { body } = await this.raw('GET', '/readyz')
        assert.equal(body.status, 'ready', JSON.stringify(body))
      },
      { timeout: 60_000 },
    )
  }

  /** Stops the process without ending it, so that requests hang; `resume` continues it. */
  suspend() {
    this.#program.signal('SIGSTOP')
  }

  resume() {
    this.#program.signal('SIGCONT')
  }

  async kill() {
    await this.#program.stop('SIGKILL')
  }

  async stop() {
    await this.#program.stop()
    this.#proxy?.stop()
  }

  /** Starts the server again after `kill` or `stop`, on the same port. */
  async restart() {
    await this.#start()
  }

  /** Runs another command of `patron` on this server's deployment. */
  async patron(...args) {
    await run([...args, ...this.target])
  }

  /** Sends a request; returns status, headers and body, whatever they are. */
  async raw(method, path, body, { key = this.key, headers = {} } = {}) {
    const answer = await fetch(`http://127.0.0.1:${this.port}${path}`, {
      method,
      headers: {
        ...(key && { authorization: `Bearer ${key}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      body: body === undefined ? undefined : JSON.stringify(body),
      redirect: 'manual',
      signal: AbortSignal.timeout(REQUEST),
    })
    const text = await answer.text()
    const isJson = /json/.test(answer.headers.get('content-type') ?? '')
    return {
      status: answer.status,
      headers: answer.headers,
      body: isJson && text ? JSON.parse(text) : text || null,
    }
  }

  /**
   * Sends a request that must succeed; returns its body. After a write it waits until all views
   * have it, since a browser reads with another credential.
   */
  async api(method, path, body, options) {
    const answer = await this.raw(method, path, body, options)
    const shown = () =>
      `${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`
    assert.ok(answer.status >= 200 && answer.status < 300, shown())
    assert.ok(!answer.body?.rejected, shown())
    if (answer.headers.has('patron-position')) await this.caughtUp()
    return answer.body
  }

  /** Uploads a file to import as an admin; returns the import. */
  async upload(name, content) {
    const form = new FormData()
    form.append('file', new Blob([content]), name)
    const answer = await fetch(`http://127.0.0.1:${this.port}/api/imports`, {
      method: 'POST',
      headers: { authorization: `Bearer ${this.key}` },
      body: form,
      signal: AbortSignal.timeout(REQUEST),
    })
    const uploaded = await answer.json()
    assert.equal(answer.status, 201, JSON.stringify(uploaded))
    await this.caughtUp()
    return uploaded
  }

  /** Waits until no view lags. */
  async caughtUp() {
    await eventually(async () => {
      const { items } = await this.api('GET', '/api/admin/projections')
      const lagging = items.filter((view) => view.lag > 0).map((view) => view.name)
      assert.deepEqual(lagging, [], 'views lag')
    })
  }

  /** Makes the provider sign this user in from now on. */
  identify(email, name = email) {
    this.#run.provider.user = { sub: email, email, email_verified: true, name }
  }

  /** Signs a user in by clicks on the sign-in page. */
  async signIn(context, email, name) {
    this.identify(email, name)
    const page = await context.newPage()
    await page.goto(`${this.url}/sign-in`)
    await page.getByRole('link', { name: /continue with|sign in/i }).click()
    await page.waitForURL((url) => url.origin === this.url && url.pathname === '/')
    await page.close()
  }

  /** Returns the cookies of a user with this role; the first call signs the user in. */
  async state(role, newContext) {
    if (!this.#states.has(role)) {
      const { email, name } = USERS[role]
      const context = await newContext()
      await this.signIn(context, email, name)
      if (role !== 'admin') {
        const { user_id } = await this.user(role)
        await this.api('PUT', `/api/users/${user_id}/role`, { role })
      }
      this.#states.set(role, await context.storageState())
      await context.close()
    }
    return this.#states.get(role)
  }

  /** Forgets the cookies of a role whose sessions a case has ended. */
  forget(role) {
    this.#states.delete(role)
  }

  /** Returns the user with this role, who has signed in before. */
  async user(role) {
    return await eventually(async () => {
      const { items } = await this.api('GET', '/api/users?limit=500')
      const user = items.find((user) => user.email === USERS[role].email)
      assert.ok(user, `${USERS[role].email} is not in the list of users`)
      return user
    })
  }

  /** Returns an API key with this role. */
  async keyOf(role) {
    if (!this.#keys.has(role)) {
      const created = await this.api('POST', '/api/keys', {
        name: `Key of ${role}`,
        role,
      })
      this.#keys.set(role, created.secret)
    }
    return this.#keys.get(role)
  }
}
