// Serves a build of the pages in front of a server, as the program would, to test it without
// building the program. Everything else goes to the server.
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { createServer, request } from 'node:http'
import { extname, join } from 'node:path'
import { PAGES, POLICY } from './tools.mjs'

const OWN =
  /^\/(sign-in|users|keys|settings|suppressions|(customers|segments|campaigns|imports|audit|operations)(\/.*)?)?$/

const TYPES = {
  '.css': 'text/css',
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.svg': 'image/svg+xml',
}

/** Starts a proxy on a free port; `upstream` is the port of the server, set later. */
export async function startProxy() {
  const proxy = { port: 0, upstream: 0, stop: () => server.closeAllConnections() }
  const server = createServer((incoming, outgoing) => {
    const file = fileOf(new URL(incoming.url, 'http://localhost').pathname)
    if (file) {
      outgoing.writeHead(200, {
        'content-type': TYPES[extname(file)] ?? 'application/octet-stream',
        'content-security-policy': POLICY,
      })
      outgoing.end(readFileSync(file))
      return
    }
    const { method, url: path, headers } = incoming
    const forwarded = request(
      { host: '127.0.0.1', port: proxy.upstream, method, path, headers },
      (answer) => {
        outgoing.writeHead(answer.statusCode, answer.headers)
        answer.pipe(outgoing)
        answer.on('error', () => outgoing.destroy())
      },
    )
    // To the browser, the server is gone.
    forwarded.on('error', () => outgoing.destroy())
    outgoing.on('close', () => forwarded.destroy())
    incoming.pipe(forwarded)
  })
  server.listen(0, 'localhost')
  await once(server, 'listening')
  proxy.port = server.address().port
  return proxy
}

/** Returns the file of a path of the pages; `null` for a path of the API. */
function fileOf(pathname) {
  if (OWN.test(pathname)) return join(PAGES, 'index.html')
  const file = join(PAGES, pathname)
  return existsSync(file) ? file : null
}
