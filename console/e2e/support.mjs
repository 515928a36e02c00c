// What a browser test may use. Start with `test`, and `t.newPage` in it. See README.md.
import assert from 'node:assert/strict'
import { Watch, newContext, reportViolations } from './harness/browser.mjs'
import {
  axe,
  axeInBothThemes,
  fitsWidth,
  keepFailure,
  shot,
  tablesFit,
} from './harness/checks.mjs'
import { fill } from './harness/seed.mjs'
import { Server, USERS } from './harness/server.mjs'
import { eventually, gone, placeholders, ready, see } from './harness/waiting.mjs'

export {
  axe,
  axeInBothThemes,
  eventually,
  fitsWidth,
  gone,
  placeholders,
  ready,
  see,
  shot,
  tablesFit,
  USERS,
}

/** What all cases share: set by `run.mjs` before it loads the first file. */
let run

/** Registered cases, in order. */
export const cases = []

/** Name of the file that is being loaded. */
let file = ''

export function begin(shared) {
  run = shared
}

export function beginFile(name) {
  file = name
}

/** Time for a case, far more than any needs on a busy machine. */
const TIMEOUT = 180_000

/** Registers a case: `fn` gets a `Case`. */
export function test(name, options, fn) {
  if (typeof options === 'function') return test(name, {}, options)
  cases.push({ name: `${file}: ${name}`, timeout: options.timeout ?? TIMEOUT, fn })
}

/** One run of a case: its pages, and what has to be undone after it. */
export class Case {
  #name
  #pages = []
  #after = []

  constructor(name) {
    this.#name = name
  }

  /** Opens a page in a browser of its own. See README.md for the options. */
  async newPage(options = {}) {
    const { role = 'admin', server = run.server, permit = [] } = options
    const open = () => newContext(run.browser, server)
    const storage = options.storage ?? (role ? await server.state(role, open) : undefined)
    const context = await newContext(run.browser, server, { ...options, storage })
    this.#after.push(() => context.close())
    await context.addInitScript(reportViolations)
    // Without a session the page's first question is refused.
    const permitted = role || options.storage ? permit : [401, ...permit]
    const watched = (page) => {
      this.#pages.push([page, new Watch(page, server, run.provider, permitted)])
    }
    context.on('page', watched)
    return await context.newPage()
  }

  /** Starts a server of this case's own. */
  async startServer(settings) {
    const server = await Server.start(run, settings)
    this.#after.push(() => server.stop())
    return server
  }

  /** Permits what a page reports from now on and has reported: statuses, or parts of texts. */
  permit(page, ...permitted) {
    this.#pages.find(([watched]) => watched === page)[1].permit(...permitted)
  }

  /** Runs `undo` after the case, in reverse order, whatever its result. */
  after(undo) {
    this.#after.push(undo)
  }

  /** Runs the case, for at most `timeout` milliseconds. */
  async run(fn, timeout) {
    let timer
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error(`did not end in ${timeout} ms`)), timeout)
    })
    try {
      await Promise.race([fn(this), late])
      const problems = this.#pages.flatMap(([page, watch]) =>
        watch.problems.map((problem) => `${problem}\n    at ${page.url()}`),
      )
      assert.ok(problems.length === 0, `the pages reported:\n  ${problems.join('\n  ')}`)
    } catch (error) {
      await this.#explain(error)
      throw error
    } finally {
      clearTimeout(timer)
      for (const undo of this.#after.reverse()) await undo()
    }
  }

  /** Adds to an error what the pages reported, and keeps pictures of them. */
  async #explain(error) {
    for (const [page, { problems }] of this.#pages) {
      if (problems.length && !String(error).includes('the pages reported')) {
        error.message += `\n  the page at ${page.url()} reported:\n    ${problems.join('\n    ')}`
      }
      // A page that has crashed or was closed has no picture.
      await keepFailure(page, this.#name).catch(() => {})
    }
  }
}

/** Sends a request to the shared server as an admin; see `Server.api`. */
export function api(...request) {
  return run.server.api(...request)
}
api.raw = (...request) => run.server.raw(...request)

/** The shared server. */
export const server = () => run.server

/** Makes the provider sign this user in, when a case clicks to it by itself. */
export function identify(email, name) {
  run.server.identify(email, name)
}

/** Signs a user in on the shared server by clicks. */
export function signIn(context, email) {
  return run.server.signIn(context, email)
}

/** Users and keys of each role on the shared server. */
export const roles = {
  user: (role) => run.server.user(role),
  key: (role) => run.server.keyOf(role),
}

/** Fills the shared server with a small store, once; returns what is in it. */
export function seed() {
  run.seed ??= fill(run.server)
  return run.seed
}

let counter = 0

/** Returns a name that no other case uses. */
export function unique(prefix) {
  counter += 1
  return `${prefix} ${process.pid}-${counter}`
}

/** Returns the text of an element as a person reads it. */
export async function text(locator) {
  return (await locator.innerText()).replaceAll(/\s+/g, ' ').trim()
}

/** Returns the path and query of a page. */
export function path(page) {
  const { pathname, search } = new URL(page.url())
  return pathname + search
}
