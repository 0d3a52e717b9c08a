/** Asks the device where it is: after the call was sent, never before it. */

import type { Place } from '$shared/map/types'

export type Found = Place & { accuracyM: number }
export type LocatorState = 'idle' | 'asking' | 'found' | 'denied' | 'absent' | 'insecure'

/** Good enough to find a door; the measuring ends here. */
const EXACT_M = 15
const LONGEST_MS = 120_000

export class Locator {
  state = $state<LocatorState>('idle')
  last = $state.raw<Found | undefined>(undefined)
  private watch: number | undefined
  private timer: ReturnType<typeof setTimeout> | undefined

  constructor(private readonly onFix: (fix: Found) => void) {}

  start(): void {
    this.stop()
    if (!isSecureContext) {
      // browsers answer nobody on plain HTTP
      this.state = 'insecure'
      return
    }
    this.state = 'asking'
    this.watch = navigator.geolocation.watchPosition(
      ({ coords }) => this.take({ lon: coords.longitude, lat: coords.latitude, accuracyM: coords.accuracy }),
      (failure) => this.fail(failure),
      { enableHighAccuracy: true, maximumAge: 10_000, timeout: 30_000 },
    )
    this.timer = setTimeout(() => this.stop(), LONGEST_MS)
  }

  stop(): void {
    clearTimeout(this.timer)
    if (this.watch !== undefined) navigator.geolocation.clearWatch(this.watch)
    this.watch = undefined
    if (this.state === 'asking') this.state = 'absent'
  }

  private take(fix: Found): void {
    this.state = 'found'
    this.last = fix
    this.onFix(fix)
    if (fix.accuracyM <= EXACT_M) this.stop()
  }

  private fail(failure: GeolocationPositionError): void {
    if (failure.code === failure.PERMISSION_DENIED) {
      this.state = 'denied'
      this.stop()
    } else if (this.last === undefined) {
      this.state = 'absent'
    }
  }
}
