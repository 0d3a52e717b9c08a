/** The service worker of a page; its build writes `self.SHELL` above this. */

/// <reference lib="webworker" />
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
