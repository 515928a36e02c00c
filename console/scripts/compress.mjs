// Adds a compressed copy of every built file that compression makes clearly smaller, for the
// program, which embeds them. Run after `npm run build`.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'

const DIST = 'dist'
const TEXT = /\.(css|html|js|json|mjs|svg|ts|txt|webmanifest)$/

for (const entry of readdirSync(DIST, { recursive: true, withFileTypes: true })) {
  const path = join(entry.parentPath ?? entry.path, entry.name)
  if (!entry.isFile() || !TEXT.test(entry.name)) continue
  const content = readFileSync(path)
  const brotli = brotliCompressSync(content, {
    params: {
      [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
      [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
      [constants.BROTLI_PARAM_SIZE_HINT]: content.length,
    },
  })
  const gzip = gzipSync(content, { level: 9 })
  if (brotli.length < content.length * 0.9) writeFileSync(`${path}.br`, brotli)
  if (gzip.length < content.length * 0.9) writeFileSync(`${path}.gz`, gzip)
}
