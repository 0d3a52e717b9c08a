/** Push messages to this browser: one more way to be told of a run, while the page is not before anybody's eyes. */

import { answer, problemOf, type Client, type Problem } from '$shared/api/client'
import { keyBytes, sameKey } from './push-key'

/** `absent`: the browser has no push here (no HTTPS, an old one); `off`: nobody has been asked yet. */
export type PushState = 'absent' | 'off' | 'denied' | 'on'

export class Push {
  state = $state<PushState>('absent')
  busy = $state(false)
  problem = $state<Problem | undefined>(undefined)

  constructor(private readonly client: Client) {
    if (!('serviceWorker' in navigator) || !('PushManager' in window) || !('Notification' in window)) return
    this.state = Notification.permission === 'denied' ? 'denied' : 'off'
    // allowed before: this session is told of it, for messages go to sessions that hold
    if (Notification.permission === 'granted') void this.subscribe().catch(() => undefined)
  }

  /** Ask for permission; only ever called by a touch, as browsers demand. */
  async enable(): Promise<void> {
    if (this.busy) return
    this.busy = true
    this.problem = undefined
    try {
      const given = await Notification.requestPermission()
      if (given === 'granted') await this.subscribe()
      else this.state = given === 'denied' ? 'denied' : 'off'
    } catch (caught) {
      this.problem = caught instanceof DOMException ? noService : problemOf(caught)
    } finally {
      this.busy = false
    }
  }

  private async subscribe(): Promise<void> {
    const { key } = await answer(this.client.GET('/api/v1/crew/push'))
    const { pushManager } = await navigator.serviceWorker.ready
    const before = await pushManager.getSubscription()
    const held = before !== null && sameKey(before.options.applicationServerKey, key)
    if (before !== null && !held) await before.unsubscribe()
    const subscription = held ? before : await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: keyBytes(key) })
    const { endpoint, keys } = subscription.toJSON()
    await answer(this.client.PUT('/api/v1/crew/push', {
      body: { endpoint: endpoint ?? '', keys: { p256dh: keys?.p256dh ?? '', auth: keys?.auth ?? '' } },
    }))
    this.state = 'on'
  }
}

const noService = problemOf({
  code: 'no_push',
  detail: 'Layanan push peramban tidak terjangkau. SMS dan telepon tetap dipakai.',
  detail_en: 'The browser\'s push service cannot be reached. SMS and calls are used all the same.',
})
