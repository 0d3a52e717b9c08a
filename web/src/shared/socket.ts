/** A WebSocket that comes back by itself, asks for what it missed, and knows how old its data are. */

export type Frame = { t: string } & Record<string, unknown>

export type LinkState = 'connecting' | 'live' | 'away' | 'refused'

export interface LinkOptions {
  path: string
  /** Made anew for every connection; `after` is the last sequence number that was handled, `recordedAt` when that event was recorded. */
  hello: (after: number | undefined, recordedAt: string | undefined) => Record<string, unknown>
  onFrame: (frame: Frame) => void
  onState: (state: LinkState, problem?: unknown) => void
  /** Frames of type `event` carry a sequence without gaps; a gap makes the link ask again. */
  sequenced?: boolean
  /** The frame that is a whole picture, with the `seq` of the last event in it: an older one never replaces a newer. */
  snapshot?: string
  after?: number
  afterRecordedAt?: string
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
/** A wish for missed events that stays unanswered for this long is told again, and the third time over a new connection. */
const ASK_AGAIN_MS = 1500
const MOST_ASKS = 3

/** What says how things are now: a late one would put an older state over a newer. */
const OF_THE_MOMENT = new Set(['welcome', 'reset', 'positions'])

/** Codes with which the server says that coming back makes no sense: not signed in, wrong role. */
const REFUSED = new Set([4401, 4403])

/** Full jitter: anything between nothing and the doubled pause, so that consoles do not return all at once. */
export function pause(attempt: number, random: () => number = Math.random): number {
  return random() * Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** attempt)
}

function recordedAt(frame: Frame): string | undefined {
  return typeof frame.recorded_at === 'string' ? frame.recorded_at : undefined
}

export class Link {
  private socket: WebSocket | undefined
  private attempt = 0
  private last: number | undefined
  /** When that one was recorded: another log may have another event of its number. */
  private lastRecordedAt: string | undefined
  private heard = 0
  private ended = false
  private state: LinkState = 'connecting'
  /** Number of the last frame of this connection: the server counts them, so that a missing one shows. */
  private count = 0
  /** When missed events were asked for, while there is no answer. */
  private askedAt: number | undefined
  private asks = 0
  private unanswered = 0
  /** The last event in the picture that was handed on. */
  private shown = -1
  private told = -1
  /** Whether this connection has brought a picture: what it brings later should be newer. */
  private pictured = false
  private checks = 0
  private checkedAt = 0
  private timer: ReturnType<typeof setTimeout> | undefined
  private readonly beat: ReturnType<typeof setInterval>
  private readonly now: () => number

  constructor(private readonly options: LinkOptions) {
    this.now = options.now ?? Date.now
    this.last = options.after
    this.lastRecordedAt = options.afterRecordedAt
    this.beat = setInterval(() => this.check(), CHECK_MS)
    this.connect()
    globalThis.addEventListener?.('online', this.hurry)
  }

  /** The last sequence number handled. */
  get after(): number | undefined {
    return this.last
  }

  /** When the event of that number was recorded, as it said itself. */
  get afterRecordedAt(): string | undefined {
    return this.lastRecordedAt
  }

  /** Milliseconds since the server was last heard. */
  get silence(): number {
    return this.heard === 0 ? Infinity : this.now() - this.heard
  }

  /** Up to which event the server has told everything that concerns this page, as far as is known here. */
  get complete(): number {
    return this.options.sequenced ? (this.last ?? -1) : this.told
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
    this.count = 0
    this.pictured = false
    this.askedAt = undefined
    this.unanswered = 0
    this.heard = this.now()
    socket.onopen = () => socket.send(JSON.stringify({ t: 'hello', ...this.options.hello(this.last, this.lastRecordedAt) }))
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
    const number = typeof frame.n === 'number' ? frame.n : this.count + 1
    const late = number <= this.count
    const missed = number > this.count + 1
    this.count = Math.max(this.count, number)
    if (missed && !this.missed(socket)) return
    if (late && (OF_THE_MOMENT.has(frame.t) || frame.t === this.options.snapshot)) return
    switch (frame.t) {
      case 'pong':
        this.ponged(socket, frame)
        return
      case 'resumed':
        if (frame.id === this.asks) this.askedAt = undefined
        this.unanswered = 0
        return
      case 'welcome':
        this.welcomed(Number(frame.seq))
        break
      case 'reset':
        // the server's log has not what we have: it was restored, and begins anew from there
        this.last = Number(frame.seq)
        this.lastRecordedAt = recordedAt(frame)
        break
      case 'event':
        if (this.options.sequenced && !this.inOrder(socket, frame)) return
        break
      case this.options.snapshot:
        if (Number(frame.seq) < this.shown) {
          // later on one line and of an earlier event: is the log another one? The next welcome tells
          if (this.pictured) this.lost(socket, 1006)
          return
        }
        this.pictured = true
        this.shown = Number(frame.seq)
    }
    this.options.onFrame(frame)
  }

  private welcomed(head: number): void {
    if (this.options.sequenced && this.last === undefined) this.last = head
    if (head < this.shown) this.shown = this.told = -1 // a restored log: the picture of it is newer than ours
    this.set('live')
  }

  /** Frames are missing. Returns whether the connection is still of use. */
  private missed(socket: WebSocket): boolean {
    if (this.options.sequenced && this.state === 'live') {
      this.ask(socket)
      return true
    }
    // a picture comes whole with every connection, and so does what was missed before the welcome
    this.lost(socket, 1006)
    return false
  }

  private ponged(socket: WebSocket, frame: Frame): void {
    this.attempt = 0
    const told = Number(frame.seq ?? -1)
    this.told = Math.max(this.told, told)
    if (this.options.sequenced && this.last !== undefined && told > this.last) this.ask(socket)
  }

  /** Ask for everything after what we have; one wish at a time. */
  private ask(socket: WebSocket): void {
    if (this.askedAt !== undefined || this.last === undefined) return
    this.askedAt = this.now()
    this.asks += 1
    socket.send(JSON.stringify({ t: 'resume', after: this.last, after_recorded_at: this.lastRecordedAt, id: this.asks }))
  }

  private inOrder(socket: WebSocket, frame: Frame): boolean {
    const seq = Number(frame.seq)
    if (this.last !== undefined && seq <= this.last) return false // seen already
    if (this.last !== undefined && seq > this.last + 1) {
      this.ask(socket)
      return false
    }
    this.last = seq
    this.lastRecordedAt = recordedAt(frame)
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
    if (this.askedAt !== undefined && now - this.askedAt > ASK_AGAIN_MS) {
      this.askedAt = undefined
      this.unanswered += 1
      if (this.unanswered >= MOST_ASKS) {
        this.lost(socket, 1006)
        return
      }
      this.ask(socket)
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
