import { expect, test } from 'vitest'
import { shellFiles } from '../../build/files'
import { answerFor, fileAnswer, keep, pageAnswer, tidy, type Shell } from './shell'

const SHELL: Shell = { page: '/pengemudi', version: 'v2', files: ['/assets/a-1.js', '/favicon.svg'] }
const HERE = 'https://192.168.1.20:8443'

/** A cache storage in memory, as much of it as the worker uses. */
function storage(): CacheStorage & { kept: Map<string, Map<string, Response>> } {
  const kept = new Map<string, Map<string, Response>>()
  return {
    kept,
    open: async (name: string) => {
      const cache = kept.get(name) ?? new Map<string, Response>()
      kept.set(name, cache)
      return {
        put: async (key: string, value: Response) => void cache.set(key, value),
        match: async (key: string) => cache.get(key)?.clone(),
      }
    },
    keys: async () => [...kept.keys()],
    delete: async (name: string) => kept.delete(name),
  } as never
}

const answers = (texts: Record<string, string>) =>
  (async (asked: string | Request) => {
    const path = typeof asked === 'string' ? asked : new URL(asked.url).pathname
    const text = texts[path]
    return text === undefined ? new Response('', { status: 404 }) : new Response(text)
  }) as typeof fetch
const absent = (async () => { throw new TypeError('no network') }) as typeof fetch
const never = (() => new Promise(() => undefined)) as typeof fetch
const whole = answers({ '/pengemudi': '<meta content="v2">', '/assets/a-1.js': 'a', '/favicon.svg': 'f' })

test('nothing of the API, of another page or of another server is ever answered', () => {
  const ask = (path: string, mode = 'cors', method = 'GET', origin = HERE) => answerFor(SHELL, { method, mode, url: origin + path }, HERE)
  expect(ask('/pengemudi', 'navigate')).toBe('page')
  expect(ask('/pengemudi?x=1', 'navigate')).toBe('page')
  expect(ask('/assets/a-1.js')).toBe('file')
  for (const path of ['/api/v1/tenants', '/health', '/tiles/32.14/1/0/0/0.mvt', '/ws/driver', '/pengemudi', '/assets/other.js', '/sw-pengemudi.js']) {
    expect(ask(path)).toBe('none')
  }
  expect(ask('/operator', 'navigate')).toBe('none')
  expect(ask('/assets/a-1.js', 'cors', 'POST')).toBe('none')
  expect(ask('/assets/a-1.js', 'cors', 'GET', 'https://192.168.1.20')).toBe('none')
})

test('the shell is kept whole or not at all', async () => {
  const caches = storage()
  await keep(SHELL, caches, whole)
  expect([...(caches.kept.get('semar-pengemudi-v2')?.keys() ?? [])].sort()).toEqual(['/assets/a-1.js', '/favicon.svg', '/pengemudi'])
  await expect(keep(SHELL, storage(), answers({ '/pengemudi': 'v2', '/favicon.svg': 'f' }))).rejects.toThrow('a-1.js: 404')
})

test('a page of another build is not kept under this one', async () => {
  const caches = storage()
  await expect(keep(SHELL, caches, answers({ '/pengemudi': 'v3', '/assets/a-1.js': 'a', '/favicon.svg': 'f' }))).rejects.toThrow('not of build v2')
  expect(caches.kept.size).toBe(0)
})

test('earlier builds of this page go, other pages stay', async () => {
  const caches = storage()
  for (const name of ['semar-pengemudi-v1', 'semar-pengemudi-v2', 'semar-warga-v1', 'something']) await caches.open(name)
  await tidy(SHELL, caches)
  expect(await caches.keys()).toEqual(['semar-pengemudi-v2', 'semar-warga-v1', 'something'])
})

test('the server’s page comes first; the kept one when it is absent, broken or slow', async () => {
  const caches = storage()
  await keep(SHELL, caches, whole)
  const request = new Request(`${HERE}/pengemudi`)
  const text = async (get: typeof fetch) => (await pageAnswer(SHELL, request, caches, get, 5)).text()
  expect(await text(answers({ '/pengemudi': 'newer' }))).toBe('newer')
  expect(await text(absent)).toContain('v2')
  expect(await text((async () => new Response('', { status: 502 })) as typeof fetch)).toContain('v2')
  expect(await text(never)).toContain('v2')
  await expect(pageAnswer(SHELL, request, storage(), absent, 5)).rejects.toThrow('no network')
})

test('a file comes from the shell, and from the server when the shell has lost it', async () => {
  const caches = storage()
  const request = new Request(`${HERE}/assets/a-1.js`)
  expect(await (await fileAnswer(SHELL, request, caches, answers({ '/assets/a-1.js': 'fetched' }))).text()).toBe('fetched')
  await keep(SHELL, caches, whole)
  expect(await (await fileAnswer(SHELL, request, caches, absent)).text()).toBe('a')
})

test('a page’s shell is what its files name, one after the other, in letters that are written here', () => {
  const contents = new Map([
    ['warga.html', 'src="/assets/warga-1.js"'],
    ['operator.html', 'src="/assets/operator-1.js"'],
    ['assets/warga-1.js', 'import "./shared-1.js"; () => import("./map-1.js")'],
    ['assets/shared-1.js', ''],
    ['assets/map-1.js', 'new URL("map-1.css")'],
    ['assets/map-1.css', 'url(/assets/inter-latin-1.woff2) url(/assets/inter-greek-1.woff2)'],
    ['assets/inter-latin-1.woff2', ''],
    ['assets/inter-greek-1.woff2', ''],
    ['assets/operator-1.js', 'import "./shared-1.js"'],
  ])
  expect(shellFiles('warga.html', contents)).toEqual([
    'assets/inter-latin-1.woff2', 'assets/map-1.css', 'assets/map-1.js', 'assets/shared-1.js', 'assets/warga-1.js', 'warga.html',
  ])
})
