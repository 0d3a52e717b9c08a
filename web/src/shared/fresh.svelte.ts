/** Keeps the page usable without signal through its service worker, and notices when the server has a newer build. */

const LOOK_EVERY_MS = 10 * 60_000
const ANSWER_MS = 2000
/** On a slow network the first visit belongs to the call button, not to what is kept for later. */
const SETTLE_MS = 4000

class Fresh {
  /** The server has another build than this page is of. */
  newer = $state(false)
  /** Nothing may come between now: an offer, a run, a call. */
  busy = $state(false)
  /** Nothing would be lost: once nobody looks, the page may change by itself. */
  idle = $state(false)

  private readonly build = document.querySelector<HTMLMetaElement>('meta[name=build]')?.content
  private registration: ServiceWorkerRegistration | undefined
  private waiting: ServiceWorker | undefined
  private changing = false

  /** Failing changes nothing: the page works as it does without a worker. */
  start(page: string): void {
    // pages that are being developed have no build, plain HTTP has no workers
    if (this.build === undefined || !('serviceWorker' in navigator)) return
    const { serviceWorker } = navigator
    serviceWorker.addEventListener('controllerchange', () => void this.controlled())
    const begin = (): void => {
      serviceWorker.register(`/sw-${page}.js`, { scope: `/${page}`, updateViaCache: 'none' }).then((found) => this.watch(found), () => undefined)
    }
    if (serviceWorker.controller === null) setTimeout(begin, SETTLE_MS)
    else begin()
    setInterval(this.look, LOOK_EVERY_MS)
    addEventListener('online', this.look)
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden) this.look()
      else if (this.newer && this.idle && !this.busy) this.change()
    })
  }

  /** Ask the server whether there is a newer build; worth it whenever it was away. */
  readonly look = (): void => {
    void this.registration?.update().catch(() => undefined)
  }

  /** Go over to the newer build. */
  change(): void {
    this.changing = true
    if (this.waiting === undefined) location.reload()
    else this.waiting.postMessage('take over')
  }

  private watch(registration: ServiceWorkerRegistration): void {
    this.registration = registration
    const follow = (worker: ServiceWorker | null): void => {
      worker?.addEventListener('statechange', () => {
        if (worker.state === 'installed' && registration.active !== null) void this.consider(worker)
      })
    }
    registration.addEventListener('updatefound', () => follow(registration.installing))
    follow(registration.installing)
    if (registration.waiting !== null) void this.consider(registration.waiting)
  }

  /** A page that came fresh from the server is of the new build already: its worker takes over unnoticed. */
  private async consider(worker: ServiceWorker): Promise<void> {
    if ((await versionOf(worker)) === this.build) worker.postMessage('take over')
    else {
      this.waiting = worker
      this.newer = true
    }
  }

  private async controlled(): Promise<void> {
    if (this.changing) {
      location.reload()
      return
    }
    const { controller } = navigator.serviceWorker
    // another tab went over to a newer build
    if (controller !== null && (await versionOf(controller)) !== this.build) {
      this.waiting = undefined
      this.newer = true
    }
  }
}

function versionOf(worker: ServiceWorker): Promise<string | undefined> {
  return new Promise((resolve) => {
    const channel = new MessageChannel()
    channel.port1.onmessage = (message) => resolve(String(message.data))
    setTimeout(() => resolve(undefined), ANSWER_MS)
    worker.postMessage('version', [channel.port2])
  })
}

export const fresh = new Fresh()
