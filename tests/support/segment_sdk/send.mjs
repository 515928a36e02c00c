// Sends calls with Segment's SDK for Node: `node send.mjs HOST KEY`, then one command per line
// on standard input, each a JSON array of the SDK's method and its argument. `["flush"]` waits
// until the SDK has delivered all calls, and prints how many it delivered and how many failed.
import { createInterface } from 'node:readline'
import { Analytics } from '@segment/analytics-node'

const [host, writeKey] = process.argv.slice(2)
const analytics = new Analytics({ host, writeKey, flushAt: 5, flushInterval: 100, maxRetries: 100 })

const pending = []
const counts = { delivered: 0, failed: 0, attempts: 0 }
analytics.on('http_request', () => (counts.attempts += 1))
analytics.on('error', (error) => console.error(error))

function call(method, argument) {
  const done = new Promise((resolve) => {
    analytics[method](argument, (error) => {
      counts[error ? 'failed' : 'delivered'] += 1
      resolve()
    })
  })
  pending.push(done)
}

console.log('ready')
for await (const line of createInterface({ input: process.stdin })) {
  const [method, argument] = JSON.parse(line)
  if (method === 'flush') {
    await Promise.all(pending.splice(0))
    console.log(JSON.stringify(counts))
  } else if (method === 'counts') {
    console.log(JSON.stringify(counts))
  } else {
    call(method, argument)
  }
}
await analytics.closeAndFlush()
