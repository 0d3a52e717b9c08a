/** A WebSocket that comes back by itself, asks for what it missed, and knows how old its data are. */

export type Frame = { t: string } & Record<string, unknown>

export type LinkState = 'connecting' | 'live' | 'away' | 'refused'

export interface LinkOptions {
  path: string
  /** Made anew for every connection; `after` is the last sequence number that was handled. */
  hello: (after: number | undefined) => Record<string, unknown>
  onFrame: (frame: Frame) => void
  onState: (state: LinkState, problem?: unknown) => void
  /** Frames of type `event` carry a sequence without gaps; a gap makes the link ask again. */
  sequenced?: boolean
  after?: number
  now?: () => number
  open?: (url: string) => WebSocket
}

const CHECK_MS = 500
const PING_EVERY = 2
/** With a look every half second a dead connection is told within three. */
const SILENT_MS = 2400
/** Slow networks need this long to connect; the state stays `away` meanwhile. */
const CONNECT_MS = 8000
const FIRST_WAIT_MS = 250
const LONGEST_WAIT_MS = 8000

/** Codes with which the server says that coming back makes no sense: not signed in, wrong role. */
const REFUSED = new Set([4401, 4403])

/** Full jitter: anything between nothing and the doubled pause, so that consoles do not return all at once. */
export function pause(attempt: number, random: () => number = Math.random): number {
  return random() * Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** attempt)
}

export class Link {
  private socket: WebSocket | undefined
  private attempt = 0
  private last: number | undefined
  private heard = 0
  private ended = false
  private state: LinkState = 'connecting'
  private asking = false
  private checks = 0
  private checkedAt = 0
  private timer: ReturnType<typeof setTimeout> | undefined
  private readonly beat: ReturnType<typeof setInterval>
  private readonly now: () => number

  constructor(private readonly options: LinkOptions) {
    this.now = options.now ?? Date.now
    this.last = options.after
    this.beat = setInterval(() => this.check(), CHECK_MS)
    this.connect()
    globalThis.addEventListener?.('online', this.hurry)
  }

  /** The last sequence number handled. */
  get after(): number | undefined {
    return this.last
  }

  /** Milliseconds since the server was last heard. */
  get silence(): number {
    return this.heard === 0 ? Infinity : this.now() - this.heard
  }

  send(frame: Frame): boolean {
    if (this.socket?.readyState !== WebSocket.OPEN || this.state !== 'live') return false
    this.socket.send(JSON.stringify(frame))
    return true
  }

  close(): void {
    this.ended = true
    clearInterval(this.beat)
    clearTimeout(this.timer)
    globalThis.removeEventListener?.('online', this.hurry)
    this.socket?.close(1000)
  }

  private readonly hurry = (): void => {
    if (this.state === 'away') {
      clearTimeout(this.timer)
      this.connect()
    }
  }

  private connect(): void {
    if (this.ended) return
    this.drop()
    const url = new URL(this.options.path, location.href)
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:'
    const socket = (this.options.open ?? ((to) => new WebSocket(to)))(url.href)
    this.socket = socket
    this.asking = false
    this.heard = this.now()
    socket.onopen = () => socket.send(JSON.stringify({ t: 'hello', ...this.options.hello(this.last) }))
    socket.onmessage = (message) => this.receive(socket, String(message.data))
    socket.onclose = (event) => this.lost(socket, event.code)
  }

  private drop(): void {
    const old = this.socket
    this.socket = undefined
    if (old === undefined) return
    old.onopen = old.onmessage = old.onclose = null
    old.close()
  }

  private receive(socket: WebSocket, text: string): void {
    if (socket !== this.socket) return
    this.heard = this.now()
    const frame = JSON.parse(text) as Frame
    if (frame.t === 'welcome') {
      this.attempt = 0
      this.set('live')
    }
    if (frame.t === 'pong') return
    if (this.options.sequenced && frame.t === 'event' && !this.inOrder(socket, Number(frame.seq))) return
    if (frame.t === 'welcome' && this.options.sequenced && this.last === undefined) this.last = Number(frame.seq)
    // the server's log ends before what we have: it was restored, and begins anew from there
    if (frame.t === 'reset') this.last = Number(frame.seq)
    this.options.onFrame(frame)
  }

  private inOrder(socket: WebSocket, seq: number): boolean {
    if (this.last !== undefined && seq <= this.last) return false // seen already
    if (this.last !== undefined && seq > this.last + 1) {
      if (!this.asking) socket.send(JSON.stringify({ t: 'resume', after: this.last }))
      this.asking = true
      return false
    }
    this.asking = false
    this.last = seq
    return true
  }

  private check(): void {
    const socket = this.socket
    const now = this.now()
    // a hidden page is let look once a minute: what it did not ask for in time was not withheld
    const slept = now - this.checkedAt > 3 * CHECK_MS
    this.checkedAt = now
    if (socket === undefined || this.ended) return
    const limit = this.state === 'live' ? SILENT_MS : CONNECT_MS
    if (!slept && now - this.heard > limit) {
      this.lost(socket, 1006)
      return
    }
    this.checks += 1
    if ((slept || this.checks % PING_EVERY === 0) && socket.readyState === WebSocket.OPEN && this.state === 'live') {
      socket.send(JSON.stringify({ t: 'ping', id: 'beat' }))
    }
  }

  private lost(socket: WebSocket, code: number): void {
    if (socket !== this.socket || this.ended) return
    this.drop()
    if (REFUSED.has(code)) {
      this.set('refused')
      return
    }
    this.set('away')
    clearTimeout(this.timer)
    this.timer = setTimeout(() => this.connect(), pause(this.attempt))
    this.attempt += 1
  }

  private set(state: LinkState): void {
    if (state === this.state) return
    this.state = state
    this.options.onState(state)
  }
}
