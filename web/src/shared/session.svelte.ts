/** Who is signed in on this device, one session per page. */

import { device } from './storage'

export interface Session {
  token: string
  id: string
  regency: string
  training: boolean
  name: string
  role: string
  /** Of the regency; absent in what a device has kept from before it was told. */
  timezone?: string
}

export class SessionStore {
  current = $state<Session | undefined>(undefined)
  private readonly key: string

  constructor(page: string) {
    this.key = `semar.session.${page}`
    const kept = device.getItem(this.key)
    if (kept !== null) this.current = JSON.parse(kept) as Session
  }

  keep(session: Session): void {
    this.current = session
    device.setItem(this.key, JSON.stringify(session))
  }

  forget(): void {
    this.current = undefined
    device.removeItem(this.key)
  }
}
