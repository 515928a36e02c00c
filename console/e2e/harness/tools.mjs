// Where the tests find their tools. npm's packages are not always next to the tests: a build of
// the program keeps them in the target directory.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const local = (path) => fileURLToPath(new URL(path, import.meta.url))

/** Root of the repository. */
export const ROOT = local('../../..')

const modules = process.env.PATRON_CONSOLE_MODULES ?? local('../..')
const require = createRequire(join(modules, 'package.json'))

export const { chromium } = require('playwright-core')

/** Script that finds violations of accessibility rules in a page. */
export const AXE = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8')

const mockServer = join(modules, 'node_modules/oauth2-mock-server/dist/index.mjs')
export const { OAuth2Server } = await import(pathToFileURL(mockServer).href)

/** The program under test. */
export const PROGRAM = process.env.PATRON_PROGRAM ?? join(ROOT, 'target/debug/patron')

/** The browser. */
export const CHROMIUM = process.env.PATRON_CHROMIUM ?? '/usr/bin/chromium'

/** Directory of pictures, with one for those of failed cases. */
export const PICTURES =
  process.env.PATRON_E2E_PICTURES ?? join(ROOT, 'target/console/pictures')

/** Directory of a build of the pages to test instead of the program's own, if given. */
export const PAGES = process.env.PATRON_E2E_PAGES

/** Content security policy of the program's pages. */
export const POLICY = readFileSync(
  local('../../content-security-policy.txt'),
  'utf8',
).trim()
