// Runs the browser tests: `node e2e/run.mjs [TEXT]` runs the cases whose names contain the text.
// One process, one browser, one server, one case after the other. See README.md.
import { fstatSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startBrowser } from './harness/browser.mjs'
import { killAll, startEngines, stopAll } from './harness/processes.mjs'
import { startProvider } from './harness/provider.mjs'
import { Server } from './harness/server.mjs'
import { Case, begin, beginFile, cases } from './support.mjs'

const only = process.argv[2] ?? process.env.PATRON_E2E_ONLY ?? ''
const here = fileURLToPath(new URL('.', import.meta.url))
const dir = mkdtempSync(join(tmpdir(), 'patron-e2e-'))

/** Ends everything at once when the run itself is ended. */
function abandon(reason) {
  console.error(`the browser tests were ended: ${reason}`)
  killAll()
  rmSync(dir, { recursive: true, force: true, maxRetries: 5 })
  process.exit(1)
}
process.on('SIGINT', () => abandon('SIGINT'))
process.on('SIGTERM', () => abandon('SIGTERM'))
// If standard input is a pipe, its writer has ended, by whatever cause.
if (fstatSync(0).isFIFO())
  process.stdin.on('end', () => abandon('its caller ended')).resume()

const started = Date.now()
const seconds = (since) => `${((Date.now() - since) / 1000).toFixed(1)} s`

const run = {
  dir,
  engines: await startEngines(join(dir, 'engines')),
  provider: await startProvider(),
  browser: await startBrowser(),
}
run.server = await Server.start(run)
begin(run)
for (const name of readdirSync(here).sort()) {
  if (!name.endsWith('.test.mjs')) continue
  beginFile(name.replace('.test.mjs', ''))
  await import(new URL(name, import.meta.url).href)
}
const chosen = cases.filter(({ name }) => name.includes(only))
console.log(`browser tests: started in ${seconds(started)}, ${chosen.length} cases`)

const failures = []
for (const { name, timeout, fn } of chosen) {
  const begun = Date.now()
  try {
    await new Case(name).run(fn, timeout)
    console.log(`  ok      ${name} (${seconds(begun)})`)
  } catch (error) {
    failures.push({ name, error })
    console.log(`  FAILED  ${name} (${seconds(begun)})\n${indented(error)}`)
  }
}

await run.browser.close()
await stopAll()
await run.provider.stop()
rmSync(dir, { recursive: true, force: true, maxRetries: 5 })
const passed = chosen.length - failures.length
console.log(
  `browser tests: ${passed} passed, ${failures.length} failed in ${seconds(started)}`,
)
for (const { name } of failures) console.log(`  FAILED  ${name}`)
// A page that still waits for an answer must not keep the process alive.
process.exit(failures.length > 0 || chosen.length === 0 ? 1 : 0)

function indented(error) {
  const shown = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return shown.replaceAll(/^/gm, '          ')
}
