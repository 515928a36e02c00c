// The example of docs/frontend, built and served from origins of its own.
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const local = (path) => fileURLToPath(new URL(path, import.meta.url))
const modules = join(process.env.PATRON_CONSOLE_MODULES ?? local('..'), 'node_modules')

const TYPES = { '.html': 'text/html', '.js': 'text/javascript' }

/** Builds the example for the Patron at `url`; returns its directory. */
export async function build(t, url) {
  const root = mkdtempSync(join(tmpdir(), 'patron-frontend-'))
  t.after(() => rmSync(root, { recursive: true, force: true }))
  cpSync(local('../../docs/frontend'), root, { recursive: true })
  symlinkSync(modules, join(root, 'node_modules'))
  const vite = await import(pathToFileURL(join(modules, 'vite/dist/node/index.js')).href)
  await vite.build({
    root,
    configFile: false,
    logLevel: 'warn',
    define: { 'import.meta.env.VITE_PATRON_URL': JSON.stringify(url) },
  })
  return join(root, 'dist')
}

/** A server of pages on a free port, which is an origin. */
export class Pages {
  dir = null

  static async start(t) {
    const pages = new Pages()
    const server = createServer(({ url }, answer) => {
      const { pathname } = new URL(url, 'http://localhost')
      const file = join(pages.dir, pathname === '/' ? 'index.html' : pathname)
      if (!existsSync(file)) return answer.writeHead(404).end()
      answer.writeHead(200, { 'content-type': TYPES[extname(file)] ?? 'text/plain' })
      answer.end(readFileSync(file))
    })
    await new Promise((resolve) => server.listen(0, 'localhost', resolve))
    t.after(() => {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(resolve))
    })
    pages.origin = `http://localhost:${server.address().port}`
    return pages
  }
}
