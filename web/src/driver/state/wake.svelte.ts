/** Keeps the screen on while on duty; a hidden page loses the lock and takes it again when it is back. */

export class Wake {
  /** Whether the screen is kept on; undefined while nobody wants it. */
  held = $state<boolean | undefined>(undefined)
  private wanted = false
  private lock: WakeLockSentinel | undefined

  want(on: boolean): void {
    if (on === this.wanted) return
    this.wanted = on
    if (on) {
      document.addEventListener('visibilitychange', this.take)
      this.take()
    } else {
      document.removeEventListener('visibilitychange', this.take)
      void this.lock?.release()
      this.lock = undefined
      this.held = undefined
    }
  }

  private readonly take = (): void => {
    if (!this.wanted || document.hidden) return
    if (!('wakeLock' in navigator)) {
      this.held = false
      return
    }
    navigator.wakeLock.request('screen').then((lock) => {
      this.lock = lock
      this.held = true
      lock.addEventListener('release', () => { if (this.lock === lock && this.wanted) this.held = false })
    }, () => { this.held = false })
  }
}
