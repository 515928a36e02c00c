// Measures what a browser loads before the sign-in page and the overview are usable, and
// fails if it is more than the limit. Parts that a screen loads later do not count.
import { readFileSync } from 'node:fs'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import { build } from 'vite'

const LIMIT = 200_000
const SCREENS = ['src/screens/sign-in/sign-in.tsx', 'src/screens/overview/overview.tsx']

const { output } = await build({ logLevel: 'error', build: { write: false } })
const files = new Map(output.map((file) => [file.fileName, file]))

const loaded = new Set(['index.html'])
function load(fileName) {
  if (loaded.has(fileName) || !files.has(fileName)) return
  loaded.add(fileName)
  const file = files.get(fileName)
  for (const imported of file.imports ?? []) load(imported)
  for (const css of file.viteMetadata?.importedCss ?? []) load(css)
}
for (const file of output) {
  const module = file.facadeModuleId?.replaceAll('\\', '/') ?? ''
  if (file.isEntry || SCREENS.some((screen) => module.endsWith(screen)))
    load(file.fileName)
}

const gzip = (bytes) => gzipSync(bytes, { level: 9 }).length
const brotli = (bytes) =>
  brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }).length
const rows = [...loaded].map((fileName) => {
  const file = files.get(fileName)
  const bytes = Buffer.from(
    file ? (file.code ?? file.source) : readFileSync('index.html'),
  )
  return { file: fileName, bytes: bytes.length, gzip: gzip(bytes), brotli: brotli(bytes) }
})
rows.sort((a, b) => b.gzip - a.gzip)
const total = (key) => rows.reduce((sum, row) => sum + row[key], 0)
console.table([
  ...rows,
  { file: 'total', bytes: total('bytes'), gzip: total('gzip'), brotli: total('brotli') },
])
if (total('gzip') > LIMIT) {
  console.error(
    `The first load is ${total('gzip')} bytes with gzip, at most ${LIMIT} are allowed.`,
  )
  process.exit(1)
}
console.log(`The first load is ${total('gzip')} bytes with gzip, of at most ${LIMIT}.`)
