// Waiting for conditions. Deadlines are far more than anything needs on a busy machine.
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'

export const PATIENCE = 60_000

/** Repeats `check` until it does not throw; returns what it returns. */
export async function eventually(check, { timeout = PATIENCE } = {}) {
  const deadline = Date.now() + timeout
  for (;;) {
    try {
      return await check()
    } catch (error) {
      if (Date.now() > deadline) throw error
      await sleep(25)
    }
  }
}

/** Waits until the first match of a locator is visible. */
export async function see(locator, { timeout = PATIENCE } = {}) {
  await waitFor(locator, 'visible', timeout)
  return locator.first()
}

/** Waits until no match of a locator is visible. */
export async function gone(locator, { timeout = PATIENCE } = {}) {
  await eventually(
    async () => {
      const visible = await locator.filter({ visible: true }).count()
      assert.equal(visible, 0, `still visible: ${locator}`)
    },
    { timeout },
  )
}

/** Placeholders of content that is on its way, which the kit animates. */
export const placeholders = (page) => page.locator('.animate-pulse')

/** Waits until a screen has its heading and no placeholders any more. */
export async function ready(page) {
  await see(page.getByRole('heading', { level: 1 }))
  await gone(placeholders(page))
}

async function waitFor(locator, state, timeout) {
  try {
    await locator.first().waitFor({ state, timeout })
  } catch (error) {
    const page = locator.page()
    const shown = await page
      .locator('body')
      .innerText()
      .catch(() => '')
    throw new Error(
      `${locator} was not ${state} in ${timeout} ms at ${page.url()}, which showed:\n${shown.slice(0, 1500)}`,
      { cause: error },
    )
  }
}
