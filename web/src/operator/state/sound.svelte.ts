/** The desk's sound: an alarm for as long as a call rings, one short tone for everything else. */

import { Alarm } from '$shared/alarm'
import { ticking } from '$shared/ticking.svelte'

export class Sound {
  private readonly alarm = new Alarm()
  ringing = $state(false)

  constructor() {
    // browsers give sound only after a touch: the first one anywhere on the page will do
    for (const kind of ['pointerdown', 'keydown']) addEventListener(kind, this.unlock, { capture: true })
  }

  /** Whether the browser lets us be heard, looked at anew with every tick. */
  get audible(): boolean {
    void ticking.now
    return this.alarm.audible
  }

  readonly unlock = (): void => this.alarm.unlock()

  ring(on: boolean): void {
    if (on === this.ringing) return
    this.ringing = on
    if (on) this.alarm.start()
    else this.alarm.stop()
  }

  chime(): void {
    if (!this.ringing) this.alarm.chime()
  }

  close(): void {
    this.ring(false)
    for (const kind of ['pointerdown', 'keydown']) removeEventListener(kind, this.unlock, { capture: true })
  }
}
