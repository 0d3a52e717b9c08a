/** Watches the phone's position: often on a run, rarely when idle, and says when it cannot. */

import type { KeptFix } from './frames'

export interface Seen { lon: number; lat: number; accuracyM: number; at: number }
export type Failure = 'denied' | 'absent' | 'insecure'
type Recorder = (fix: Omit<KeptFix, 'who' | 'seq'>) => void

const ON_RUN_MS = 5000
const IDLE_MS = 60_000
/** A page that was away for less is not worth an alarm. */
const AWAY_MS = 5000
const TICK_MS = 1000
/** Silence after which the phone is asked anew, half of what is an alarm. */
const SILENT_RUN_MS = 7000
const SILENT_IDLE_MS = 45_000

interface Battery { level: number }

export class Tracker {
  last = $state.raw<Seen | undefined>(undefined)
  failure = $state<Failure | undefined>(undefined)
  /** For how many seconds the page was hidden, and so blind, until the crew has read it. */
  blindFor = $state<number | undefined>(undefined)
  since = $state(Date.now())

  private watch: number | undefined
  private askedAt = 0
  private timer: ReturnType<typeof setInterval> | undefined
  private newest: Omit<KeptFix, 'who' | 'seq'> | undefined
  private recordedAt = 0
  private listenedAt = 0
  private hiddenAt: number | undefined
  private battery: Battery | undefined
  private onRun = false

  constructor(private readonly record: Recorder) {}

  start(): void {
    if (this.timer !== undefined) return
    this.since = Date.now()
    if (!isSecureContext) {
      // browsers answer nobody on plain HTTP
      this.failure = 'insecure'
      return
    }
    this.timer = setInterval(() => this.tick(), TICK_MS)
    document.addEventListener('visibilitychange', this.turned)
    this.listen()
    const { getBattery } = navigator as { getBattery?: () => Promise<Battery> }
    void getBattery?.call(navigator).then((battery) => { this.battery = battery })
  }

  stop(): void {
    clearInterval(this.timer)
    this.timer = undefined
    document.removeEventListener('visibilitychange', this.turned)
    if (this.watch !== undefined) navigator.geolocation.clearWatch(this.watch)
    this.watch = undefined
    this.blindFor = undefined
    this.newest = undefined
  }

  /** A run wants a fix every five seconds, beginning now. */
  pace(onRun: boolean): void {
    if (onRun && !this.onRun) this.recordedAt = 0
    this.onRun = onRun
  }

  private listen(): void {
    this.listenedAt = Date.now()
    if (this.watch !== undefined) navigator.geolocation.clearWatch(this.watch)
    this.watch = navigator.geolocation.watchPosition(this.take, this.fail, { enableHighAccuracy: true, maximumAge: 0, timeout: 20_000 })
  }

  private readonly take = ({ coords, timestamp }: GeolocationPosition): void => {
    this.failure = undefined
    this.last = { lon: coords.longitude, lat: coords.latitude, accuracyM: coords.accuracy, at: Date.now() }
    this.newest = {
      at: new Date(timestamp).toISOString(), lon: coords.longitude, lat: coords.latitude, accuracy_m: coords.accuracy,
      ...(coords.speed === null ? {} : { speed_ms: coords.speed }),
      ...(coords.heading === null || Number.isNaN(coords.heading) ? {} : { heading_deg: coords.heading }),
      ...(this.battery === undefined ? {} : { battery: Math.round(this.battery.level * 100) }),
    }
    this.keep()
  }

  private readonly fail = (failure: GeolocationPositionError): void => {
    if (failure.code === failure.PERMISSION_DENIED) this.failure = 'denied'
    else if (failure.code === failure.POSITION_UNAVAILABLE) this.failure = 'absent'
  }

  private tick(): void {
    const silent = this.onRun ? SILENT_RUN_MS : SILENT_IDLE_MS
    const heard = Math.max(this.last?.at ?? 0, this.since)
    // a phone that stands still may say nothing for long; asked anew it answers, unless it cannot
    if (Date.now() - heard > silent && Date.now() - this.listenedAt > 2 * silent) this.listen()
    this.ask(heard)
    this.keep()
  }

  /** Ask beside the watch, well before the centre calls this phone silent: a place that stays tells no change. */
  private ask(heard: number): void {
    const quiet = this.onRun ? ON_RUN_MS : IDLE_MS
    if (Date.now() - Math.max(heard, this.askedAt) < quiet) return
    this.askedAt = Date.now()
    navigator.geolocation.getCurrentPosition(this.take, () => undefined, { enableHighAccuracy: true, maximumAge: 0, timeout: 10_000 })
  }

  private keep(): void {
    const now = Date.now()
    if (this.newest === undefined || now - this.recordedAt < (this.onRun ? ON_RUN_MS : IDLE_MS) - TICK_MS / 2) return
    this.recordedAt = now
    const fix = this.newest
    this.newest = undefined
    this.record(fix)
  }

  private readonly turned = (): void => {
    if (document.hidden) {
      this.hiddenAt = Date.now()
      return
    }
    const away = Date.now() - (this.hiddenAt ?? Date.now())
    this.hiddenAt = undefined
    if (away > AWAY_MS) this.blindFor = Math.round(away / 1000)
    this.listen()
  }
}
