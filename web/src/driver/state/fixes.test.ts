import 'fake-indexeddb/auto'
import { expect, test } from 'vitest'
import { FixQueue } from './fixes'
import { Store } from './store'

let made = 0
const NOW = Date.parse('2026-11-20T07:30:00Z')

function fix(secondsAgo: number) {
  return { at: new Date(NOW - secondsAgo * 1000).toISOString(), lon: 107.44, lat: -6.55 }
}

async function queue(...ages: number[]): Promise<{ store: Store; fixes: FixQueue; seqs: number[] }> {
  const store = await Store.open(`fixes-${made++}`)
  const fixes = new FixQueue(store, 'driver')
  for (const age of ages) await fixes.add(fix(age))
  const seqs = (await store.fixes('driver', NOW)).map((one) => one.seq ?? -1)
  return { store, fixes, seqs }
}

test('the newest fix goes first and alone, what was kept follows newest first and marked', async () => {
  const { fixes, seqs } = await queue(600, 300, 1)
  const [oldest, middle, newest] = seqs
  expect(fixes.next(NOW)).toMatchObject([{ seq: newest, replayed: false }])
  expect(fixes.next(NOW)).toMatchObject([{ seq: middle, replayed: true }, { seq: oldest, replayed: true }])
  expect(fixes.next(NOW)).toEqual([])
})

test('a fresh fix does not wait for the backlog under way', async () => {
  const { fixes } = await queue(600, 300, 1)
  fixes.next(NOW)
  fixes.next(NOW)
  await fixes.add(fix(0))
  expect(fixes.next(NOW)).toMatchObject([{ replayed: false }])
})

test('a newest fix that is old is marked all the same', async () => {
  const { fixes } = await queue(120)
  expect(fixes.next(NOW)).toMatchObject([{ replayed: true }])
})

test('what nobody answered although the line lives is sent again, and nothing else', async () => {
  const { fixes, seqs } = await queue(600, 1)
  const [oldest, newest] = seqs
  fixes.next(NOW)
  fixes.next(NOW + 10_000)
  expect(fixes.next(NOW + 19_000)).toEqual([])
  expect(fixes.next(NOW + 21_000).map((fix) => fix.seq)).toEqual([newest])
  expect(fixes.next(NOW + 32_000).map((fix) => fix.seq)).toEqual([oldest])
})

test('the newest that was not stored goes first and alone again, as fresh as it is', async () => {
  const { fixes, seqs } = await queue(600, 1)
  const [oldest, newest] = seqs
  const lost = [() => fixes.adrift(), () => fixes.failed(seqs)]
  for (const lose of lost) {
    expect(fixes.next(NOW)).toMatchObject([{ seq: newest, replayed: false }])
    expect(fixes.next(NOW)).toMatchObject([{ seq: oldest, replayed: true }])
    lose()
  }
  expect(fixes.next(NOW)).toMatchObject([{ seq: newest, replayed: false }])
})

test('a fix stays until the server has stored or rejected it', async () => {
  const { store, fixes, seqs } = await queue(10, 1)
  fixes.next(NOW)
  fixes.next(NOW)
  fixes.adrift()
  expect([...fixes.next(NOW), ...fixes.next(NOW)]).toHaveLength(2)
  await fixes.settle(seqs)
  expect(fixes.size).toBe(0)
  expect(await store.fixes('driver', NOW)).toEqual([])
})

test('what the server could not store is sent again', async () => {
  const { fixes, seqs } = await queue(1)
  fixes.next(NOW)
  expect(fixes.next(NOW)).toEqual([])
  fixes.failed(seqs)
  expect(fixes.next(NOW)).toMatchObject([{ seq: seqs[0] }])
})

test('a large backlog goes in frames of fifty, one at a time', async () => {
  const { fixes } = await queue(...Array.from({ length: 120 }, (_, n) => 1000 - n))
  const newest = fixes.next(NOW)
  const first = fixes.next(NOW)
  expect([newest.length, first.length, fixes.next(NOW).length]).toEqual([1, 50, 0])
  await fixes.settle(first.map((one) => one.seq))
  expect(fixes.next(NOW)).toHaveLength(50)
})

test('a reload finds the fixes of its own driver, and the sequence goes on', async () => {
  const { store, seqs } = await queue(10, 1)
  await new FixQueue(store, 'another').add(fix(0))
  const again = new FixQueue(store, 'driver')
  await again.load()
  expect(again.size).toBe(2)
  await again.add(fix(0))
  const [newest] = again.next(NOW)
  expect(newest?.seq).toBeGreaterThan(Math.max(...seqs) + 1)
})

test('what is older than a week is let go', async () => {
  const { store } = await queue(8 * 24 * 3600, 1)
  expect(await store.fixes('driver', NOW)).toHaveLength(1)
})

test('the installation keeps its id', async () => {
  const name = `installation-${made++}`
  const first = await Store.open(name)
  const id = first.installation
  first.close()
  expect((await Store.open(name)).installation).toBe(id)
})
