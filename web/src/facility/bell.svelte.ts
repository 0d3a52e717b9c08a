/** The department's bell: rings for every run that nobody here has answered or heard, through a reload too. */

import { Alarm } from '$shared/alarm'
import { tab } from '$shared/storage'
import { ticking } from '$shared/ticking.svelte'
import type { FacilityDesk } from './words'

const KEY = 'semar.facility.heard'

export class Bell {
  private readonly alarm = new Alarm()
  private heard: Set<string>
  private signed = new Set<string>()
  private first = true
  /** Legs that ring now. */
  ringing = $state.raw<string[]>([])

  constructor() {
    this.heard = new Set(JSON.parse(tab.getItem(KEY) ?? '[]') as string[])
    // browsers give sound only after a touch: the first one anywhere on the page will do
    for (const kind of ['pointerdown', 'keydown']) addEventListener(kind, this.unlock, { capture: true })
  }

  /** Whether the browser lets us be heard, looked at anew with every tick. */
  get audible(): boolean {
    void ticking.now
    return this.alarm.audible
  }

  readonly unlock = (): void => this.alarm.unlock()

  take(desk: FacilityDesk): void {
    this.ring(desk.incoming.filter((run) => run.answer === null && !this.heard.has(run.leg_id)).map((run) => run.leg_id))
    const fresh = desk.to_countersign.some((handover) => !this.signed.has(handover.leg_id))
    if (fresh && !this.first && this.ringing.length === 0) this.alarm.chime()
    this.signed = new Set(desk.to_countersign.map((handover) => handover.leg_id))
    this.first = false
  }

  /** Somebody here has noticed; the runs still wait for an answer. */
  readonly silence = (): void => {
    for (const id of this.ringing) this.heard.add(id)
    tab.setItem(KEY, JSON.stringify([...this.heard].slice(-200)))
    this.ring([])
  }

  close(): void {
    this.alarm.stop()
    for (const kind of ['pointerdown', 'keydown']) removeEventListener(kind, this.unlock, { capture: true })
  }

  private ring(legs: string[]): void {
    if (legs.join() !== this.ringing.join()) this.ringing = legs
    if (legs.length > 0) this.alarm.start()
    else this.alarm.stop()
  }
}
