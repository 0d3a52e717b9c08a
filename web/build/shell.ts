/** Writes a service worker beside each page that has one, with the list of files that its shell consists of. */

import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { build, type Plugin } from 'vite'
import { shellFiles } from './files.ts'

const TEXT = /\.(html|m?js|css)$/

export function shellWorkers(pages: readonly string[]): Plugin {
  let root = ''
  return {
    name: 'semar-shell-workers',
    apply: 'build',
    configResolved(config) {
      root = config.root
    },
    writeBundle: {
      order: 'post',
      async handler(options, bundle) {
        const folder = options.dir ?? resolve(root, 'dist')
        const contents = new Map<string, string>()
        for (const file of Object.keys(bundle)) contents.set(file, TEXT.test(file) ? await readFile(resolve(folder, file), 'utf8') : '')
        const code = await workerCode(root)
        for (const page of pages) {
          const html = `${page}.html`
          const files = shellFiles(html, contents)
          const hash = createHash('sha256').update(code)
          for (const file of files) hash.update(file).update(contents.get(file) ?? '')
          const version = hash.digest('hex').slice(0, 16)
          const head = contents.get(html)?.replace('<head>', `<head>\n    <meta name="build" content="${version}" />`)
          await writeFile(resolve(folder, html), head ?? '')
          const shell = { page: `/${page}`, version, files: [...files.filter((file) => file !== html).map((file) => `/${file}`), '/favicon.svg'] }
          await writeFile(resolve(folder, `sw-${page}.js`), `self.SHELL = ${JSON.stringify(shell)};\n${code}`)
        }
      },
    },
  }
}

/** One plain script: not every browser takes modules as service workers. */
async function workerCode(root: string): Promise<string> {
  const built = await build({
    root, configFile: false, logLevel: 'warn', publicDir: false,
    build: { write: false, target: 'es2022', lib: { entry: resolve(root, 'src/worker/main.ts'), formats: ['iife'], name: 'worker' } },
  })
  const output = Array.isArray(built) ? built[0] : built
  if (output === undefined || !('output' in output)) throw new Error('the service worker was not built')
  return output.output[0].code
}
