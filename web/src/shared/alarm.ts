/** The alarm: two tones made by the page itself, repeated until it is silenced. Needs one touch before. */

export class Alarm {
  private context: AudioContext | undefined
  private timer: ReturnType<typeof setInterval> | undefined

  constructor() {
    // who has just signed in has touched the page: the first alarm must not wait for another touch
    if (navigator.userActivation?.hasBeenActive) this.unlock()
  }

  /** Browsers give sound only after a touch; call this from the first click of the page. */
  unlock(): void {
    this.context ??= new AudioContext()
    void this.context.resume()
  }

  /** Whether the browser lets us be heard now. */
  get audible(): boolean {
    return this.context?.state === 'running'
  }

  start(everyMs = 2000): void {
    if (this.timer !== undefined) return
    this.ring()
    this.timer = setInterval(() => this.ring(), everyMs)
  }

  stop(): void {
    clearInterval(this.timer)
    this.timer = undefined
  }

  /** One short tone: something has happened that does not have to be answered at once. */
  chime(): void {
    this.play([660, 880], 0.15)
  }

  private ring(): void {
    if (navigator.userActivation?.hasBeenActive) navigator.vibrate?.([300, 100, 300])
    this.play([880, 660, 880], 0.35)
  }

  private play(frequencies: number[], loudness: number): void {
    const context = this.context
    if (context?.state !== 'running') return
    const start = context.currentTime
    for (const [n, frequency] of frequencies.entries()) {
      const tone = context.createOscillator()
      const volume = context.createGain()
      tone.frequency.value = frequency
      tone.connect(volume).connect(context.destination)
      const at = start + n * 0.22
      volume.gain.setValueAtTime(0.0001, at)
      volume.gain.exponentialRampToValueAtTime(loudness, at + 0.02)
      volume.gain.exponentialRampToValueAtTime(0.0001, at + 0.2)
      tone.start(at)
      tone.stop(at + 0.21)
    }
  }
}
