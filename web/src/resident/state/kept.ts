/** The call as it is kept on the device, so that neither a reload nor a dead network loses it. */

import type { Place } from '$shared/map/types'
import { device, type Kept } from '$shared/storage'

export interface KeptPlace extends Place {
  accuracyM: number | undefined
  /** Set by hand on the map: no measurement replaces it. */
  pinned: boolean
  /** The server has it. */
  sent: boolean
}

export interface KeptCall {
  /** Made before sending, so that every retry names the same call. */
  id: string
  /** Milliseconds by the device's clock. */
  tappedAt: number
  /** The server has acknowledged the call. */
  stored: boolean
  /** The caller took it back, and the server does not know yet. */
  cancelling: boolean
  place: KeptPlace | undefined
  /** Made on another device: where this one is says nothing. */
  adopted?: boolean
}

export class Keeper {
  private readonly key: string

  constructor(resident: string, private readonly storage: Kept = device) {
    this.key = `semar.call.${resident}`
  }

  read(): KeptCall | undefined {
    const text = this.storage.getItem(this.key)
    return text === null ? undefined : (JSON.parse(text) as KeptCall)
  }

  write(call: KeptCall | undefined): void {
    if (call === undefined) this.storage.removeItem(this.key)
    else this.storage.setItem(this.key, JSON.stringify(call))
  }
}

const EARTH_M = 6_371_000
const RAD = Math.PI / 180

/** Metres between two places, exact enough within a regency. */
export function metres(a: Place, b: Place): number {
  const east = (b.lon - a.lon) * RAD * Math.cos(((a.lat + b.lat) / 2) * RAD)
  return EARTH_M * Math.hypot(east, (b.lat - a.lat) * RAD)
}

/** Whether a new measurement tells the desk something: the first, a much better one, or one from elsewhere. */
export function worthTelling(known: KeptPlace | undefined, fix: Place & { accuracyM: number }): boolean {
  if (known === undefined) return true
  if (known.pinned) return false
  if (!known.sent) return fix.accuracyM < (known.accuracyM ?? Infinity)
  if (fix.accuracyM < (known.accuracyM ?? Infinity) / 2) return true
  return metres(known, fix) > Math.max(60, (known.accuracyM ?? 0) + fix.accuracyM)
}
