import { svelte } from '@sveltejs/vite-plugin-svelte'
import { resolve } from 'node:path'
import { defineConfig } from 'vite'
import { shellWorkers } from './build/shell.ts'

const pages = ['index', 'operator', 'warga', 'pengemudi', 'faskes', 'dinas']

// One entry page per user. Everything is bundled: the pages load nothing from anywhere else.
export default defineConfig({
  // who depends on a phone gets a page that opens without signal
  plugins: [svelte(), shellWorkers(['pengemudi', 'warga'])],
  resolve: { alias: { $shared: resolve(import.meta.dirname, 'src/shared') } },
  build: {
    target: 'es2022',
    // inlined assets would need data: sources in the content security policy
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1300, // MapLibre is that large
    rollupOptions: {
      input: Object.fromEntries(pages.map((name) => [name, resolve(import.meta.dirname, `${name}.html`)])),
      // what the users' pages share comes in one file: on a slow network each further one costs a round trip
      output: {
        codeSplitting: {
          includeDependenciesRecursively: false,
          groups: [{ name: 'Shell', minShareCount: 3, test: /node_modules\/svelte\/|src\/shared\/(?!map\/|replay\/)/ }],
        },
      },
    },
  },
})
