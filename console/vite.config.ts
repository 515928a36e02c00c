import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import tailwindcss from '@tailwindcss/vite'
import react from '@vitejs/plugin-react'
import type { Plugin } from 'vite'
import { defineConfig } from 'vitest/config'

const server = process.env.PATRON_URL ?? 'http://127.0.0.1:8080'

/** Puts the generated types of the API beside the page, for frontends of other people. */
function apiTypes(): Plugin {
  const types = fileURLToPath(new URL('src/api/schema.d.ts', import.meta.url))
  return {
    name: 'patron:api-types',
    apply: 'build',
    generateBundle() {
      if (!existsSync(types))
        this.error('src/api/schema.d.ts is missing: run `npm run types`')
      this.emitFile({
        type: 'asset',
        fileName: 'openapi.d.ts',
        source: readFileSync(types, 'utf8'),
      })
    },
  }
}

export default defineConfig({
  plugins: [react(), tailwindcss(), apiTypes()],
  resolve: { alias: { '@': fileURLToPath(new URL('src', import.meta.url)) } },
  build: {
    // The theme uses `light-dark()`; an older target would have it rewritten.
    target: ['chrome123', 'firefox120', 'safari17.5'],
    // The content security policy allows no font or script from a `data:` URL.
    assetsInlineLimit: 0,
    // The polyfill is an inline script, which the policy forbids.
    modulePreload: { polyfill: false },
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [
            // Must stay first: otherwise React lands in the chunk of some screen.
            {
              name: 'react',
              test: /node_modules[\\/](react|react-dom|scheduler)[\\/]/,
              priority: 2,
            },
            // What every screen needs. As a dozen small files it took longer to start.
            {
              name: 'console',
              test: /console[\\/]src[\\/](api|app|format|ui|url)[\\/](?!palette|upload|chart|virtual-table|sparkline|stepper|verdict)/,
              priority: 1,
            },
          ],
        },
      },
    },
  },
  server: {
    proxy: Object.fromEntries(
      ['/api', '/healthz', '/readyz', '/metrics', '/openapi.json', '/docs'].map(
        (path) => [
          path,
          {
            target: server,
            changeOrigin: true,
            // A write with the session cookie must come from the server's own origin.
            headers: { origin: new URL(server).origin },
          },
        ],
      ),
    ),
  },
  test: { include: ['src/**/*.test.{ts,tsx}'], environment: 'node' },
})
