// A small store that cases may read: customers, orders, activity, segments and campaigns.
import assert from 'node:assert/strict'
import { eventually } from './waiting.mjs'

const CUSTOMERS = 200
const DAY = 24 * 60 * 60 * 1000
const FIRST = [
  'Ada',
  'Ben',
  'Chloe',
  'Dan',
  'Ema',
  'Finn',
  'Grace',
  'Hugo',
  'Ines',
  'Jon',
]
const LAST = [
  'Abe',
  'Brook',
  'Costa',
  'Dietz',
  'Ek',
  'Fuji',
  'Gray',
  'Holm',
  'Ito',
  'Jansen',
]
const CITIES = [
  ['Berlin', 'DE'],
  ['Lisbon', 'PT'],
  ['Austin', 'US'],
  ['Kyoto', 'JP'],
]
const PLANS = ['free', 'basic', 'pro']

const idOf = (n) => `c-${String(n).padStart(3, '0')}`
const daysAgo = (days) => new Date(Date.now() - days * DAY).toISOString()

function customer(n) {
  const name = `${FIRST[n % 10]} ${LAST[Math.floor(n / 10) % 10]}`
  const [city, country] = CITIES[n % 4]
  return {
    customer_id: idOf(n),
    name,
    ...(n % 67 !== 0 && {
      email: `${name.toLowerCase().replace(' ', '.')}.${n}@shop.example`,
    }),
    city,
    country,
    registered_at: daysAgo(100 + (n % 200)),
    tags: [n % 9 === 0 && 'vip', n % 2 === 0 && 'newsletter'].filter(Boolean),
    attributes: { plan: PLANS[n % 3] },
    unsubscribed: n % 20 === 0,
  }
}

/** Two of three customers have ordered, one to six times within 90 days. */
function orders(n) {
  if (n % 3 === 0) return []
  return Array.from({ length: 1 + (n % 6) }, (_, i) => ({
    order_id: `o-${n}-${i}`,
    customer_id: idOf(n),
    amount: 1_500 + ((n * 37 + i * 911) % 20_000),
    currency: 'USD',
    placed_at: daysAgo(((n * 13 + i * 17) % 89) + 0.5),
    status: (n + i) % 23 === 0 ? 'refunded' : (n + i) % 19 === 0 ? 'cancelled' : 'placed',
  }))
}

function activity(n) {
  return Array.from({ length: n % 4 }, (_, i) => ({
    event_id: `e-${n}-${i}`,
    customer_id: idOf(n),
    name: i === 2 ? 'cart_abandoned' : 'visited',
    occurred_at: daysAgo(((n * 7 + i * 5) % 60) + 0.25),
    properties: { page: `/products/${n % 12}` },
  }))
}

/** Fills a server with the store; returns what it made, as the API shows it. */
export async function fill(server) {
  const numbers = Array.from({ length: CUSTOMERS }, (_, i) => i + 1)
  const send = (path, items) => server.raw('POST', path, items)
  for (const [path, items] of [
    ['/api/data/customers', numbers.map(customer)],
    ['/api/data/orders', numbers.flatMap(orders)],
    ['/api/data/events', numbers.flatMap(activity)],
  ]) {
    const { status, body } = await send(path, items)
    assert.ok(status < 300 && body.rejected === 0, JSON.stringify(body).slice(0, 500))
  }
  await server.caughtUp()
  const api = (...request) => server.api(...request)
  const segment = await api('POST', '/api/segments', {
    name: 'Repeat buyers',
    description: 'Two orders or more',
    rules: 'order_count >= 2',
  })
  await api('POST', '/api/segments', {
    name: 'Newsletter in Berlin',
    rules: 'city = "Berlin" AND tags contains "newsletter"',
  })
  const message = { template: 'Hi {{ name }}, the autumn catalog is here.' }
  const of = (name, fields) => ({
    name,
    segment_id: segment.segment_id,
    message,
    ...fields,
  })
  const sent = await api(
    'POST',
    '/api/campaigns',
    of('Autumn news', { launch: true, tags: ['autumn'] }),
  )
  const draft = await api(
    'POST',
    '/api/campaigns',
    of('Winter draft', { tags: ['winter'] }),
  )
  const scheduled = await api(
    'POST',
    '/api/campaigns',
    of('Spring letter', { scheduled_at: daysAgo(-30) }),
  )
  const show = ({ campaign_id }) => api('GET', `/api/campaigns/${campaign_id}`)
  const campaign = await eventually(
    async () => {
      const campaign = await show(sent)
      assert.equal(campaign.status, 'completed', JSON.stringify(campaign))
      return campaign
    },
    { timeout: 60_000 },
  )
  return {
    customers: numbers.map(idOf),
    segment: await api('GET', `/api/segments/${segment.segment_id}`),
    campaign,
    draft: await show(draft),
    scheduled: await show(scheduled),
  }
}
