/** What a page's service worker does: keeps the page and its files for times without signal, and nothing else. */

export interface Shell {
  /** The address of the page, which is the worker's scope. */
  page: string
  version: string
  /** Addresses of everything that the page is made of, the page itself left out. */
  files: string[]
}

export type Answer = 'page' | 'file' | 'none'

/** A network that takes longer to bring the page is as good as none. */
export const PATIENCE_MS = 4000

/** What the worker has to do with a request; `none` leaves it to the browser, as everything of the API. */
export function answerFor(shell: Shell, request: { method: string; mode: string; url: string }, origin: string): Answer {
  const url = new URL(request.url)
  if (request.method !== 'GET' || url.origin !== origin) return 'none'
  if (request.mode === 'navigate') return url.pathname === shell.page ? 'page' : 'none'
  return shell.files.includes(url.pathname) ? 'file' : 'none'
}

export function cacheName(shell: Shell): string {
  return `${prefix(shell)}${shell.version}`
}

function prefix(shell: Shell): string {
  return `semar${shell.page.replace('/', '-')}-`
}

/** Keep the whole shell or fail: half a page is none. */
export async function keep(shell: Shell, caches: CacheStorage, get: typeof fetch): Promise<void> {
  const cache = await caches.open(cacheName(shell))
  const page = await get(shell.page, { cache: 'reload' })
  // between the worker and the page another build may have come
  if (!page.ok || !(await page.clone().text()).includes(shell.version)) {
    await caches.delete(cacheName(shell))
    throw new Error(`${shell.page} is not of build ${shell.version}`)
  }
  await Promise.all([
    cache.put(shell.page, page),
    ...shell.files.map(async (file) => {
      const answer = await get(file, { cache: file.startsWith('/assets/') ? 'default' : 'reload' })
      if (!answer.ok) throw new Error(`${file}: ${answer.status}`)
      await cache.put(file, answer)
    }),
  ])
}

/** Drop what earlier builds of this page left. */
export async function tidy(shell: Shell, caches: CacheStorage): Promise<void> {
  const names = await caches.keys()
  await Promise.all(names.filter((name) => name.startsWith(prefix(shell)) && name !== cacheName(shell)).map((name) => caches.delete(name)))
}

/** The page: the server's own while it answers in time, so that nobody works with an old one; else the kept one. */
export async function pageAnswer(shell: Shell, request: Request, caches: CacheStorage, get: typeof fetch, patienceMs = PATIENCE_MS): Promise<Response> {
  const kept = async (): Promise<Response | undefined> => (await caches.open(cacheName(shell))).match(shell.page)
  const asked = get(request)
  let timer: ReturnType<typeof setTimeout> | undefined
  const patience = new Promise<undefined>((resolve) => { timer = setTimeout(() => resolve(undefined), patienceMs) })
  try {
    const answer = await Promise.race([asked, patience])
    if (answer !== undefined && answer.status < 500) return answer
    return (await kept()) ?? answer ?? (await asked)
  } catch (absent) {
    const found = await kept()
    if (found === undefined) throw absent
    return found
  } finally {
    clearTimeout(timer)
  }
}

/** A file of the shell: its name carries its content, so the kept one is the right one. */
export async function fileAnswer(shell: Shell, request: Request, caches: CacheStorage, get: typeof fetch): Promise<Response> {
  const found = await (await caches.open(cacheName(shell))).match(new URL(request.url).pathname)
  return found ?? get(request)
}
