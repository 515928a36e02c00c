// Checks of a page as it is now, and pictures of it.
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { AXE, PICTURES } from './tools.mjs'
import { eventually } from './waiting.mjs'

const WCAG = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']

/** Fails if the page violates WCAG 2.2 AA, with a list of rules, elements and reasons. */
export async function axe(page, { include, exclude } = {}) {
  const loaded = await page.evaluate(() => 'axe' in window)
  // Evaluated by the debugger, which the content security policy does not concern.
  if (!loaded) await page.evaluate(AXE)
  const violations = await page.evaluate(
    async ({ include, exclude, tags }) => {
      const scope = {
        include: [[include ?? 'html']],
        ...(exclude && { exclude: [[exclude]] }),
      }
      const { violations } = await window.axe.run(scope, {
        runOnly: { type: 'tag', values: tags },
        resultTypes: ['violations'],
      })
      return violations.flatMap(({ id, help, nodes }) =>
        nodes.map(
          (node) =>
            `${id}: ${help}\n    ${node.html.slice(0, 200)}\n    ${(node.failureSummary ?? '').replaceAll('\n', ' ')}`,
        ),
      )
    },
    { include, exclude, tags: WCAG },
  )
  assert.ok(
    violations.length === 0,
    `${violations.length} accessibility violations at ${page.url()}:\n  ${violations.join('\n  ')}`,
  )
}

/** Checks a page that follows the theme of the system in the light and the dark theme. */
export async function axeInBothThemes(page) {
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme })
    await axe(page)
  }
}

/** Fails if the page is wider than the window, with the elements that stick out. */
export async function fitsWidth(page) {
  const [width, window, widest] = await page.evaluate(() => {
    const root = document.documentElement
    const out = [...document.querySelectorAll('body *')]
      .map((element) => [element.getBoundingClientRect().right, element])
      .filter(([right]) => right > root.clientWidth + 1)
      .sort(([a], [b]) => b - a)
      .slice(0, 5)
      .map(
        ([right, element]) =>
          `${Math.round(right)} px: ${element.outerHTML.slice(0, 120)}`,
      )
    return [root.scrollWidth, root.clientWidth, out]
  })
  assert.ok(
    width <= window,
    `${page.url()} is ${width} px wide in a window of ${window} px:\n  ${widest.join('\n  ')}`,
  )
}

/**
 * Fails if a table scrolls sideways within its frame, so that columns are out of view. Rows that
 * arrive may be drawn once before the columns have their widths.
 */
export async function tablesFit(page) {
  await eventually(async () => {
    const wide = await page.evaluate(() =>
      [...document.querySelectorAll('[role=region]:has(table), [role=table]')]
        .filter((frame) => frame.scrollWidth > frame.clientWidth + 1)
        .map((frame) => {
          const name = frame.ariaLabel ?? frame.querySelector('caption')?.innerText
          return `${name}: ${frame.scrollWidth} px in ${frame.clientWidth} px`
        }),
    )
    assert.deepEqual(wide, [], `tables of ${page.url()} are wider than their frames`)
  })
}

/** Takes a picture of the window. */
export async function shot(page, name) {
  mkdirSync(PICTURES, { recursive: true })
  await page.screenshot({
    path: join(PICTURES, `${name}.png`),
    animations: 'disabled',
    caret: 'hide',
  })
}

/** Keeps a picture and the content of a page of a failed case. */
export async function keepFailure(page, name) {
  const dir = join(PICTURES, 'failures')
  mkdirSync(dir, { recursive: true })
  const file = join(dir, name.replaceAll(/[^a-z0-9]+/gi, '-').slice(0, 100))
  await page.screenshot({ path: `${file}.png`, timeout: 5_000 })
  writeFileSync(`${file}.html`, await page.content())
}
