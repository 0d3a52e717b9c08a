import 'fake-indexeddb/auto'
import { beforeAll, expect, test, vi } from 'vitest'
import type { Frame } from '$shared/socket'
import type { RunSheet } from './frames'
import type { StepQueue } from './steps.svelte'
import { Store } from './store'

let Queue: typeof StepQueue
let made = 0
const run = { assignment_id: 'a', incident_number: 'PWK-1' } as RunSheet

beforeAll(async () => {
  // the pages' texts look for the chosen language when they are loaded
  vi.stubGlobal('localStorage', { getItem: () => null, setItem: () => undefined, removeItem: () => undefined })
  vi.stubGlobal('document', { documentElement: { lang: '', dataset: {} } })
  Queue = (await import('./steps.svelte')).StepQueue
})

/** A server that answers as told, and remembers what it was asked. */
function server(answers: Record<string, unknown> = {}) {
  const asked: Frame[] = []
  const ask = (frame: Frame): Promise<unknown> => {
    asked.push(frame)
    const found = answers[String(frame.to)]
    return found === undefined ? Promise.resolve({ reported: false }) : Promise.reject(found as Error)
  }
  return { asked, ask, answers }
}

async function queue(ask: (frame: Frame) => Promise<unknown>): Promise<{ store: Store; steps: StepQueue }> {
  const store = await Store.open(`steps-${made++}`)
  return { store, steps: new Queue(store, 'driver', ask) }
}

test('without signal steps wait, and go in the order they were taken with both of the phone\'s times', async () => {
  const { asked, ask } = server()
  const { store, steps } = await queue(ask)
  expect(await steps.take(run, 'on_scene', {})).toEqual({ kind: 'waiting' })
  expect(await steps.take(run, 'at_patient', {})).toEqual({ kind: 'waiting' })
  expect(asked).toEqual([])
  const taken = (await store.steps('driver')).map((step) => step.device_at)
  steps.connected()
  await vi.waitFor(() => expect(steps.waiting).toEqual([]))
  expect(asked.map((frame) => [frame.to, frame.device_at])).toEqual([['on_scene', taken[0]], ['at_patient', taken[1]]])
  expect(asked.every((frame) => typeof frame.sent_at === 'string')).toBe(true)
  expect(await store.steps('driver')).toEqual([])
})

test('a step without an answer is sent again with the same device time', async () => {
  const { asked, ask, answers } = server({ on_scene: { status: 0, code: 'absent' } })
  const { steps } = await queue(ask)
  await steps.take(run, 'on_scene', {})
  steps.connected()
  await vi.waitFor(() => expect(asked).toHaveLength(1))
  steps.adrift()
  delete answers.on_scene
  await vi.waitFor(() => {
    steps.connected()
    expect(steps.waiting).toEqual([])
  })
  expect(new Set(asked.map((frame) => frame.device_at)).size).toBe(1)
})

test('a refusal is told to whoever looks at the form, and kept for who does not', async () => {
  const { ask } = server({ handed_over: { status: 422, code: 'invalid_input', detail: 'Isi nama', detail_en: 'Name' } })
  const { steps } = await queue(ask)
  steps.connected()
  expect(await steps.take(run, 'handed_over', {})).toMatchObject({ kind: 'refused' })
  expect(steps.all).toEqual([])
  steps.adrift()
  await steps.take(run, 'handed_over', {})
  steps.connected()
  await vi.waitFor(() => expect(steps.all).toMatchObject([{ state: 'refused', problem: { detail: 'Isi nama' } }]))
})

test('a reload finds what waits', async () => {
  const { ask } = server()
  const { store, steps } = await queue(ask)
  await steps.take(run, 'left_scene', { facility_id: 'f' })
  const again = new Queue(store, 'driver', ask)
  await again.load()
  expect(again.waiting).toMatchObject([{ to: 'left_scene', fields: { facility_id: 'f' } }])
})

test('what is said of the unit waits in line with the steps, and goes with its time and its unit', async () => {
  const { asked, ask } = server()
  const { store, steps } = await queue(ask)
  const unit = { unit_id: 'u', call_sign: 'PWK-A01' }
  await steps.take(run, 'cleared', {})
  expect(await steps.declare(unit, { ready: false, reason: 'fuel', note: 'SPBU' })).toEqual({ kind: 'waiting' })
  expect(steps.readinessOf('u')?.readiness).toMatchObject({ reason: 'fuel' })
  await steps.declare(unit, { ready: true })
  expect(steps.readinessOf('u')?.readiness).toEqual({ ready: true })
  expect(steps.readinessOf('another')).toBeUndefined()
  expect(steps.all.map((step) => step.to)).toEqual(['cleared'])
  const again = new Queue(store, 'driver', ask) // a reload in between
  await again.load()
  again.connected()
  await vi.waitFor(() => expect(again.waiting).toEqual([]))
  expect(asked.map((frame) => frame.t)).toEqual(['step', 'unavailable', 'available'])
  expect(asked[1]).toMatchObject({ unit_id: 'u', reason: 'fuel', note: 'SPBU' })
  expect(typeof asked[1]?.device_at).toBe('string')
  expect('ready' in (asked[2] ?? {})).toBe(false)
})

test('a phone without room takes a step and sends it once', async () => {
  const { asked, ask } = server()
  const { store, steps } = await queue(ask)
  vi.spyOn(store, 'addStep').mockRejectedValue(new DOMException('full', 'QuotaExceededError'))
  expect(await steps.take(run, 'accepted', {})).toEqual({ kind: 'waiting' })
  expect(steps.all.map((step) => step.to)).toEqual(['accepted'])
  steps.connected()
  await vi.waitFor(() => expect(steps.waiting).toEqual([]))
  expect(await steps.take(run, 'en_route', {})).toEqual({ kind: 'done' })
  expect(asked.map((frame) => frame.to)).toEqual(['accepted', 'en_route'])
})

test('what was answered is not sent again because the phone cannot forget it', async () => {
  const { asked, ask } = server()
  const { store, steps } = await queue(ask)
  vi.spyOn(store, 'dropStep').mockRejectedValue(new DOMException('full', 'QuotaExceededError'))
  steps.connected()
  expect(await steps.take(run, 'on_scene', {})).toEqual({ kind: 'done' })
  expect(steps.waiting).toEqual([])
  expect(asked).toHaveLength(1)
})
