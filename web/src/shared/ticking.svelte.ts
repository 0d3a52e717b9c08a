/** The present moment as a reactive value, by the server's clock, so that ages and timers count by themselves. */

class Ticking {
  private offset = 0
  now = $state(Date.now())

  constructor() {
    setInterval(() => { this.now = Date.now() + this.offset }, 500)
  }

  /** Take over the server's clock from the time in one of its answers. */
  learn(serverTime: string): void {
    const offset = Date.parse(serverTime) - Date.now()
    if (Number.isFinite(offset) && Math.abs(offset - this.offset) > 1500) this.offset = offset
  }

  /** Seconds since a moment. */
  since(iso: string): number {
    return (this.now - Date.parse(iso)) / 1000
  }
}

export const ticking = new Ticking()
