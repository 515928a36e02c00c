// Operations.
import assert from 'node:assert/strict'
import {
  api,
  axe,
  axeInBothThemes,
  eventually,
  fitsWidth,
  see,
  seed,
  test,
} from './support.mjs'

const generationOf = async (name) => {
  const { items } = await api('GET', '/api/admin/projections')
  return items.find((view) => view.name === name).generation
}

test('rebuilds a view, and rolls it back', { timeout: 90_000 }, async (t) => {
  await seed()
  const before = await generationOf('users')
  const page = await t.newPage({ role: 'admin' })
  await page.clock.install()
  await page.goto('/operations')
  const row = page.getByRole('row', { name: /^users/ })
  await row.getByRole('button', { name: 'Rebuild users' }).click()
  await page
    .getByRole('dialog')
    .getByRole('button', { name: 'Rebuild', exact: true })
    .click()
  await see(page.getByText('The rebuild of users is requested.'))
  await eventually(async () => assert.ok((await generationOf('users')) > before), {
    timeout: 45_000,
  })
  const rebuilt = await generationOf('users')
  // The screen reads the views every few seconds.
  await page.clock.fastForward(10_000)
  await see(
    row.getByRole('button', { name: 'Roll back users' }).and(page.locator(':enabled')),
    { timeout: 20_000 },
  )
  await row.getByRole('button', { name: 'Roll back users' }).click()
  await page
    .getByRole('dialog')
    .getByRole('button', { name: 'Roll back', exact: true })
    .click()
  await see(page.getByText('The rollback of users is requested.'))
  await eventually(async () => assert.notEqual(await generationOf('users'), rebuilt), {
    timeout: 30_000,
  })
})

test(
  'verifies heads and views as a job that has a link',
  { timeout: 90_000 },
  async (t) => {
    await seed()
    const page = await t.newPage({ role: 'admin' })
    await page.goto('/operations/verify')
    await page.getByRole('button', { name: 'Verify', exact: true }).click()
    await see(page.getByText('Everything agrees with the log'), { timeout: 60_000 })
    await page.reload()
    await see(page.getByText('Everything agrees with the log'))
    await see(page.getByRole('row', { name: /^customers/ }).getByText('Agrees'))
    await axe(page)
  },
)

test('shows partitions, memory, throughput, workers and an empty quarantine', async (t) => {
  await seed()
  const page = await t.newPage({ role: 'admin' })
  await page.clock.install()
  await page.goto('/operations/log')
  await see(page.getByRole('table', { name: 'Partitions of the log' }))
  // The chart needs a second reading, which the screen makes some seconds later.
  await page.clock.fastForward(10_000)
  await see(page.getByRole('figure', { name: 'Events per second' }))
  await axe(page)
  await page.getByRole('link', { name: 'Workers' }).click()
  await see(page.getByText('Count audiences', { exact: true }))
  await page.getByRole('link', { name: 'Quarantine' }).click()
  await see(page.getByText('No event is in quarantine'))
  await page.getByRole('link', { name: 'Views', exact: true }).click()
  await page.getByRole('button', { name: 'customers', exact: true }).click()
  await see(page.getByRole('dialog').getByRole('table'))
  await page.keyboard.press('Escape')
  await eventually(async () => assert.equal(await page.getByRole('dialog').count(), 0))
})

test('a viewer has no way to operations', async (t) => {
  const page = await t.newPage({ role: 'viewer' })
  await page.goto('/operations')
  await see(page.getByText('Your role does not allow this'))
  assert.equal(await page.getByRole('button', { name: /Rebuild/ }).count(), 0)
})

test('operations fit a phone, in both themes', async (t) => {
  await seed()
  const page = await t.newPage({ role: 'admin', width: 390 })
  for (const tab of ['', '/log', '/workers', '/quarantine', '/verify']) {
    await page.goto(`/operations${tab}`)
    await see(page.getByRole('navigation', { name: 'Parts of operations' }))
    await see(
      page.getByText('Every check passes.').or(page.getByText('Degraded')).first(),
    )
    await fitsWidth(page)
    await axeInBothThemes(page)
  }
})
