import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Link, type Frame, type LinkOptions, type LinkState } from './socket'

/** The same numbers for the same seed (mulberry32): a failing run can be repeated. */
function dice(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

const OPEN = 1

/** A socket whose other end is a test. */
class Wire {
  readyState = 0
  onopen: (() => void) | null = null
  onmessage: ((message: { data: string }) => void) | null = null
  onclose: ((event: { code: number }) => void) | null = null
  closed = false
  heard: (frame: Frame) => void = () => undefined

  send(text: string): void {
    if (!this.closed) this.heard(JSON.parse(text) as Frame)
  }

  close(): void {
    this.closed = true
    this.readyState = 3
  }

  opens(): void {
    this.readyState = OPEN
    this.onopen?.()
  }

  says(frame: Frame): void {
    if (!this.closed) this.onmessage?.({ data: JSON.stringify(frame) })
  }

  hangsUp(code = 1006): void {
    this.closed = true
    this.onclose?.({ code })
  }
}

const links: Link[] = []
beforeEach(() => {
  vi.useFakeTimers()
  vi.stubGlobal('location', { href: 'http://desk.test/operator' })
  vi.stubGlobal('WebSocket', { OPEN })
})
afterEach(() => {
  for (const link of links.splice(0)) link.close()
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

/** A server that keeps a log of `head` events, and a way to its clients that loses, delays, doubles and mixes up frames. */
class Crooked {
  head = 0
  mangling = true
  connections = 0
  wire: Wire | undefined
  private number = 0
  private place = 0
  private readonly later: { wire: Wire; text: Frame }[] = []

  constructor(private readonly random: () => number, private readonly kind: 'events' | 'pictures') {}

  readonly open = (): WebSocket => {
    const wire = new Wire()
    this.wire = wire
    this.connections += 1
    this.number = 0
    wire.heard = (frame) => {
      if (!this.mangling || this.random() > 0.1) this.answer(wire, frame)
    }
    setTimeout(() => wire.opens(), 5)
    return wire as unknown as WebSocket
  }

  write(): void {
    this.head += 1
    if (this.wire !== undefined && this.wire.readyState === OPEN) this.produce(this.wire)
  }

  private answer(wire: Wire, frame: Frame): void {
    if (wire !== this.wire) return
    if (frame.t === 'hello') {
      this.place = Number(frame.after ?? this.head)
      this.out(wire, { t: 'welcome', seq: this.head })
      if (this.kind === 'pictures') this.place = -1
      this.produce(wire)
    } else if (frame.t === 'resume') {
      this.out(wire, { t: 'resumed', id: frame.id, seq: this.head })
      this.place = Number(frame.after)
      this.produce(wire)
    } else if (frame.t === 'ping') this.out(wire, { t: 'pong', seq: this.place })
  }

  private produce(wire: Wire): void {
    if (this.kind === 'pictures') {
      if (this.place < this.head) this.out(wire, { t: 'desk', seq: this.head })
      this.place = this.head
      return
    }
    while (this.place < this.head) {
      this.place += 1
      this.out(wire, { t: 'event', seq: this.place })
    }
  }

  private out(wire: Wire, frame: Frame): void {
    this.number += 1
    const text = { n: this.number, ...frame }
    const fate = this.mangling ? this.random() : 1
    if (fate < 0.1) return // lost
    if (fate < 0.25) this.later.push({ wire, text }) // overtaken by others
    else wire.says(text)
    if (fate > 0.25 && fate < 0.35) wire.says(text) // twice
    if (fate > 0.98 && this.mangling) wire.hangsUp()
    if (this.random() < 0.5) this.straggler()
  }

  straggler(): void {
    const one = this.later.splice(Math.floor(this.random() * this.later.length), 1)[0]
    if (one !== undefined && one.wire === this.wire) one.wire.says(one.text)
  }
}

function linkTo(open: () => WebSocket, more: Partial<LinkOptions>): { link: Link; frames: Frame[]; states: LinkState[] } {
  const frames: Frame[] = []
  const states: LinkState[] = []
  const link = new Link({
    path: '/ws/x', hello: (after, at) => ({ ...(after === undefined ? {} : { after }), ...(at === undefined ? {} : { at }) }), onFrame: (frame) => frames.push(frame),
    onState: (state) => states.push(state), open, ...more,
  })
  links.push(link)
  return { link, frames, states }
}

/** A link and the one wire that it uses until it is cut. */
async function wired(more: Partial<LinkOptions>): Promise<{ wires: Wire[]; said: Frame[]; frames: Frame[]; states: LinkState[]; link: Link }> {
  const wires: Wire[] = []
  const said: Frame[] = []
  const made = linkTo(() => {
    const wire = new Wire()
    wire.heard = (frame) => said.push(frame)
    wires.push(wire)
    setTimeout(() => wire.opens(), 1)
    return wire as unknown as WebSocket
  }, more)
  await vi.advanceTimersByTimeAsync(2)
  return { wires, said, ...made }
}

const seqs = (frames: Frame[], kind = 'event'): unknown[] => frames.filter((f) => f.t === kind).map((f) => f.seq)

describe('a desk that follows events', () => {
  const desk = { sequenced: true, after: 10 }

  it('says where it stands, and hands on each event once and in order', async () => {
    const { wires: [wire], said, frames, link } = await wired(desk)
    expect(said).toEqual([{ t: 'hello', after: 10 }])
    wire?.says({ t: 'welcome', n: 1, seq: 12 })
    for (const [n, seq] of [[2, 11], [3, 12], [3, 12], [4, 13]]) wire?.says({ t: 'event', n, seq })
    expect(seqs(frames)).toEqual([11, 12, 13])
    expect(link.after).toBe(13)
  })

  it('asks for what is missing, takes nothing out of order, and asks once', async () => {
    const { wires: [wire], said, frames } = await wired(desk)
    wire?.says({ t: 'welcome', n: 1, seq: 10 })
    for (const [n, seq] of [[2, 11], [4, 13], [5, 14]]) wire?.says({ t: 'event', n, seq })
    expect(said.filter((f) => f.t === 'resume')).toEqual([{ t: 'resume', after: 11, id: 1 }])
    wire?.says({ t: 'resumed', n: 6, id: 1, seq: 14 })
    for (const [n, seq] of [[7, 12], [8, 13], [9, 14]]) wire?.says({ t: 'event', n, seq })
    expect(seqs(frames)).toEqual([11, 12, 13, 14])
  })

  it('learns from the next pong that the last event never came', async () => {
    const { wires: [wire], said } = await wired(desk)
    wire?.says({ t: 'welcome', n: 1, seq: 10 })
    wire?.says({ t: 'pong', n: 3, seq: 11 })
    expect(said.filter((f) => f.t === 'resume')).toEqual([{ t: 'resume', after: 10, id: 1 }])
  })

  it('learns from the next pong also where frames are not counted', async () => {
    const { wires: [wire], said } = await wired(desk)
    wire?.says({ t: 'welcome', seq: 10 })
    wire?.says({ t: 'pong', seq: 12 })
    expect(said.filter((f) => f.t === 'resume')).toHaveLength(1)
  })

  it('asks again when its wish was lost, and connects anew when nobody answers it', async () => {
    const { wires, said } = await wired(desk)
    const wire = wires[0]
    wire?.says({ t: 'welcome', n: 1, seq: 10 })
    wire?.says({ t: 'event', n: 3, seq: 12 })
    for (let n = 4; wires.length === 1 && n < 60; n += 1) {
      await vi.advanceTimersByTimeAsync(200)
      wire?.says({ t: 'positions', n, at: 'now', units: [] }) // alive, and deaf to this wish
    }
    expect(said.filter((f) => f.t === 'resume').length).toBe(3)
    await vi.advanceTimersByTimeAsync(300)
    expect(wires.length).toBe(2)
    expect(said.at(-1)).toEqual({ t: 'hello', after: 10 })
  })

  it('does not put older places of units over newer ones', async () => {
    const { wires: [wire], frames } = await wired(desk)
    wire?.says({ t: 'welcome', n: 1, seq: 10 })
    wire?.says({ t: 'positions', n: 3, at: 'later', units: [] })
    wire?.says({ t: 'positions', n: 2, at: 'before', units: [] })
    expect(frames.filter((f) => f.t === 'positions').map((f) => f.at)).toEqual(['later'])
  })

  it('is not stuck when the welcome itself was lost', async () => {
    const { wires, states } = await wired(desk)
    wires[0]?.says({ t: 'event', n: 2, seq: 11 })
    await vi.advanceTimersByTimeAsync(600)
    expect(wires.length).toBe(2)
    wires[1]?.says({ t: 'welcome', n: 1, seq: 11 })
    expect(states.at(-1)).toBe('live')
  })

  it('begins anew where the server says that its log ends before', async () => {
    const { wires: [wire], frames, link } = await wired({ sequenced: true, after: 500 })
    wire?.says({ t: 'welcome', n: 1, seq: 20 })
    wire?.says({ t: 'reset', n: 2, seq: 20 })
    wire?.says({ t: 'event', n: 3, seq: 21 })
    expect(frames.map((f) => f.t)).toEqual(['welcome', 'reset', 'event'])
    expect(link.after).toBe(21)
  })
})

describe('a desk that comes back', () => {
  it('says which event of that number it means, so that another log is noticed', async () => {
    const { wires, said } = await wired({ sequenced: true, after: 10, afterRecordedAt: 'ten' })
    wires[0]?.says({ t: 'welcome', n: 1, seq: 10 })
    wires[0]?.says({ t: 'event', n: 2, seq: 11, recorded_at: 'eleven' })
    wires[0]?.hangsUp()
    await vi.advanceTimersByTimeAsync(600)
    wires[1]?.says({ t: 'welcome', n: 1, seq: 20 })
    wires[1]?.says({ t: 'reset', n: 2, seq: 20, recorded_at: 'twenty' })
    wires[1]?.hangsUp()
    await vi.advanceTimersByTimeAsync(2000)
    expect(said.filter((f) => f.t === 'hello').map((f) => [f.after, f.at]))
      .toEqual([[10, 'ten'], [11, 'eleven'], [20, 'twenty']])
  })
})

describe('a page that shows one picture', () => {
  const page = { snapshot: 'desk' }

  it('never puts an older picture over a newer one', async () => {
    const { wires: [wire], frames } = await wired(page)
    wire?.says({ t: 'welcome', n: 1, seq: 5 })
    wire?.says({ t: 'desk', n: 2, seq: 5, which: 'first' })
    wire?.says({ t: 'desk', n: 3, seq: 5, which: 'moved' })
    wire?.says({ t: 'desk', n: 2, seq: 5, which: 'late' })
    wire?.says({ t: 'desk', n: 4, seq: 4, which: 'old' })
    expect(frames.filter((f) => f.t === 'desk').map((f) => f.which)).toEqual(['first', 'moved'])
  })

  it('connects anew for a whole picture when a frame is missing, also the last one', async () => {
    const { wires, states } = await wired(page)
    wires[0]?.says({ t: 'welcome', n: 1, seq: 5 })
    wires[0]?.says({ t: 'desk', n: 2, seq: 5 })
    wires[0]?.says({ t: 'pong', n: 4, seq: 6 })
    expect(states.at(-1)).toBe('away')
    await vi.advanceTimersByTimeAsync(600)
    expect(wires.length).toBe(2)
  })

  it('keeps its picture over a new connection until there is one that is as new', async () => {
    const { wires, frames, link } = await wired(page)
    wires[0]?.says({ t: 'welcome', n: 1, seq: 9 })
    wires[0]?.says({ t: 'desk', n: 2, seq: 9 })
    wires[0]?.hangsUp()
    await vi.advanceTimersByTimeAsync(600)
    wires[1]?.says({ t: 'welcome', n: 1, seq: 9 })
    wires[1]?.says({ t: 'desk', n: 2, seq: 8 })
    wires[1]?.says({ t: 'pong', n: 3, seq: 9 })
    expect(seqs(frames, 'desk')).toEqual([9])
    expect(link.complete).toBe(9)
  })

  it('follows a log that was restored', async () => {
    const { wires, frames } = await wired(page)
    wires[0]?.says({ t: 'welcome', n: 1, seq: 900 })
    wires[0]?.says({ t: 'desk', n: 2, seq: 900 })
    wires[0]?.hangsUp()
    await vi.advanceTimersByTimeAsync(600)
    wires[1]?.says({ t: 'welcome', n: 1, seq: 20 })
    wires[1]?.says({ t: 'desk', n: 2, seq: 20 })
    expect(seqs(frames, 'desk')).toEqual([900, 20])
  })
})

describe('a log that goes back under a living connection', () => {
  it('is followed by pages with a picture over a new one', async () => {
    const { wires, frames, link } = await wired({ snapshot: 'desk' })
    wires[0]?.says({ t: 'welcome', n: 1, seq: 900 })
    wires[0]?.says({ t: 'desk', n: 2, seq: 900 })
    wires[0]?.says({ t: 'desk', n: 3, seq: 890 })
    await vi.advanceTimersByTimeAsync(600)
    wires[1]?.says({ t: 'welcome', n: 1, seq: 890 })
    wires[1]?.says({ t: 'desk', n: 2, seq: 890 })
    wires[1]?.says({ t: 'pong', n: 3, seq: 890 })
    expect(seqs(frames, 'desk')).toEqual([900, 890])
    expect(link.complete).toBe(890)
  })
})

describe('whatever the way does to frames', () => {
  it.each(Array.from({ length: 40 }, (_, seed) => seed))('events: all of them, once, in order (seed %i)', async (seed) => {
    const random = dice(seed)
    const server = new Crooked(random, 'events')
    server.head = Math.floor(random() * 50)
    const start = server.head
    const { frames } = linkTo(server.open, { sequenced: true, after: start })
    for (let n = 0; n < 60; n += 1) {
      await vi.advanceTimersByTimeAsync(random() * 400)
      server.write()
      if (random() < 0.1) server.straggler()
    }
    server.mangling = false
    await vi.advanceTimersByTimeAsync(30_000)
    expect(seqs(frames)).toEqual(Array.from({ length: 60 }, (_, n) => start + 1 + n))
  })

  it.each(Array.from({ length: 40 }, (_, seed) => seed))('pictures: never backwards, and the newest in the end (seed %i)', async (seed) => {
    const random = dice(1000 + seed)
    const server = new Crooked(random, 'pictures')
    const { frames } = linkTo(server.open, { snapshot: 'desk' })
    for (let n = 0; n < 60; n += 1) {
      await vi.advanceTimersByTimeAsync(random() * 400)
      server.write()
      if (random() < 0.1) server.straggler()
    }
    server.mangling = false
    await vi.advanceTimersByTimeAsync(30_000)
    const shown = seqs(frames, 'desk').map(Number)
    expect(shown.at(-1)).toBe(60)
    expect([...shown].sort((a, b) => a - b)).toEqual(shown)
  })
})
