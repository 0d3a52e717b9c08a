/** The service worker of a page; its build writes `self.SHELL` above this. */

/// <reference lib="webworker" />
import { ringOf } from './ring'
import { answerFor, fileAnswer, keep, pageAnswer, tidy, type Shell } from './shell'

const worker = self as unknown as ServiceWorkerGlobalScope & { SHELL: Shell }
const shell = worker.SHELL
const get: typeof fetch = (request, options) => fetch(request, options)

worker.addEventListener('install', (event) => event.waitUntil(keep(shell, caches, get)))
worker.addEventListener('activate', (event) => event.waitUntil(tidy(shell, caches).then(() => worker.clients.claim())))

worker.addEventListener('fetch', (event) => {
  const answer = answerFor(shell, event.request, worker.location.origin)
  if (answer === 'page') event.respondWith(pageAnswer(shell, event.request, caches, get))
  else if (answer === 'file') event.respondWith(fileAnswer(shell, event.request, caches, get))
})

worker.addEventListener('message', (event) => {
  if (event.data === 'version') event.ports[0]?.postMessage(shell.version)
  // the page says when: never by itself, as pages of the old build are still open
  if (event.data === 'take over') void worker.skipWaiting()
})

worker.addEventListener('push', (event) => {
  const ring = ringOf(event.data?.text(), shell.page)
  event.waitUntil(worker.registration.showNotification(ring.title, ring.options))
})

worker.addEventListener('notificationclick', (event) => {
  event.notification.close()
  event.waitUntil((async () => {
    const open = await worker.clients.matchAll({ type: 'window', includeUncontrolled: true })
    const page = open.find((client) => new URL(client.url).pathname === shell.page)
    if (page === undefined) await worker.clients.openWindow(shell.page)
    else await page.focus()
  })())
})
