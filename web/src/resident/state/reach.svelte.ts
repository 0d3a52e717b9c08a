/** Whether the server can be reached while no call runs: a person must know before pressing, not after. */

const EVERY_MS = 20_000
const ANSWER_MS = 2500

export class Reach {
  away = $state(!navigator.onLine)
  private readonly timer = setInterval(() => this.look(), EVERY_MS)

  constructor() {
    addEventListener('online', this.look)
    addEventListener('offline', this.look)
    document.addEventListener('visibilitychange', this.look)
    this.look()
  }

  close(): void {
    clearInterval(this.timer)
    removeEventListener('online', this.look)
    removeEventListener('offline', this.look)
    document.removeEventListener('visibilitychange', this.look)
  }

  readonly look = (): void => {
    if (!navigator.onLine) this.away = true
    else if (!document.hidden) void this.ask()
  }

  private async ask(): Promise<void> {
    const answered = fetch('/health', { signal: AbortSignal.timeout(ANSWER_MS), cache: 'no-store' })
    this.away = await answered.then((response) => !response.ok, () => true)
  }
}
