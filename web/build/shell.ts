/** Writes a service worker beside each page that has one, with the list of files that its shell consists of. */

import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { build, type Plugin } from 'vite'

/** Scripts that no phone of ours writes in: they are fetched when a name needs them. */
const FOREIGN_LETTERS = /-(cyrillic|greek|vietnamese|latin-ext)/
const TEXT = /\.(html|m?js|css)$/

/** The files that `page` needs: a file belongs to it when its name stands in one that does. */
export function shellFiles(page: string, contents: ReadonlyMap<string, string>): string[] {
  const found = new Set<string>([page])
  for (const file of found) {
    const text = contents.get(file) ?? ''
    for (const other of contents.keys()) {
      if (other.startsWith('assets/') && !FOREIGN_LETTERS.test(other) && text.includes(other.slice('assets/'.length))) found.add(other)
    }
  }
  return [...found].sort()
}

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
          await writeFile(resolve(folder, `sw-${page}.js`), `self.SHELL = ${JSON.stringify(shell)}\n${code}`)
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
