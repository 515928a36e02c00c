// Pages that are watched: a case fails if its pages report anything that it does not permit.
import { CHROMIUM, chromium } from './tools.mjs'
import { PATIENCE } from './waiting.mjs'

/** Starts the browser. */
export async function startBrowser() {
  return await chromium.launch({
    executablePath: CHROMIUM,
    headless: !process.env.PATRON_E2E_HEADED,
    // A container has neither a second user nor a large shared memory.
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'],
  })
}

/** Returns a new context: a browser of its own for one person. */
export async function newContext(browser, server, options = {}) {
  const { width = 1440, height, theme = 'light', storage } = options
  const phone = width < 600
  const context = await browser.newContext({
    baseURL: server.url,
    viewport: { width, height: height ?? (phone ? 844 : 900) },
    deviceScaleFactor: phone ? 2 : 1,
    isMobile: phone,
    hasTouch: phone,
    colorScheme: theme,
    reducedMotion: 'reduce',
    locale: 'en-US',
    timezoneId: 'Europe/Berlin',
    storageState: storage,
  })
  context.setDefaultTimeout(PATIENCE)
  return context
}

/** What went wrong on a page, as texts. */
export class Watch {
  #problems = []
  #permitted

  constructor(page, server, provider, permitted) {
    this.#permitted = [...permitted]
    const origins = [server.url, new URL(provider.issuer).origin]
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) {
        this.#problems.push(
          `console ${message.type()}: ${message.text()} (${message.location().url})`,
        )
      }
    })
    page.on('pageerror', (error) =>
      this.#problems.push(`uncaught ${error.stack ?? error}`),
    )
    page.on('request', (request) => {
      const url = new URL(request.url())
      const local = ['data:', 'blob:', 'about:'].includes(url.protocol)
      const own = url.origin === server.url
      // The provider has no page of its own here: the server leads to it, and it leads back.
      const led = request.redirectedFrom()?.url().startsWith(server.url)
      const provided = led && origins.includes(url.origin)
      if (!local && !own && !provided)
        this.#problems.push(`request to another origin: ${url}`)
    })
    page.on('response', (response) => {
      const url = new URL(response.url())
      if (response.status() >= 400 && origins.includes(url.origin)) {
        const method = response.request().method()
        this.#problems.push(
          `status ${response.status()} of ${method} ${url.pathname}${url.search}`,
        )
      }
    })
  }

  permit(...more) {
    this.#permitted.push(...more)
  }

  /** Returns the problems that the case does not permit. */
  get problems() {
    const matches = (problem, permitted) =>
      typeof permitted === 'number'
        ? problem.includes(`status ${permitted} of`) ||
          problem.includes(`a status of ${permitted} `)
        : problem.includes(permitted)
    const isPermitted = (problem) =>
      this.#permitted.some((permitted) => matches(problem, permitted))
    return this.#problems.filter((problem) => !isPermitted(problem))
  }
}

/** Makes violations of the policy visible that the browser would not print. */
export function reportViolations() {
  document.addEventListener('securitypolicyviolation', (event) => {
    console.error(
      `content security policy: ${event.violatedDirective} refused ${event.blockedURI || 'inline'}`,
    )
  })
}
