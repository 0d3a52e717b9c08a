import { svelte } from '@sveltejs/vite-plugin-svelte'
import { resolve } from 'node:path'
import { defineConfig } from 'vite'
import pages from './vite.config.ts'

// The map alone with made-up units, built by the map's test as the pages are, and never part of them.
export default defineConfig({
  ...pages,
  root: resolve(import.meta.dirname, 'trial'),
  plugins: [svelte({ configFile: false })],
  build: { ...pages.build, rollupOptions: {} },
})
