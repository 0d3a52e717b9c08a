import { expect, test } from 'vitest'
import { Keeper, metres, worthTelling, type KeptPlace } from './kept'

const home = { lon: 107.44, lat: -6.55 }

function known(accuracyM: number | undefined, more: Partial<KeptPlace> = {}): KeptPlace {
  return { ...home, accuracyM, pinned: false, sent: true, ...more }
}

test('the first fix is told, and a pin by hand is never overruled', () => {
  expect(worthTelling(undefined, { ...home, accuracyM: 900 })).toBe(true)
  expect(worthTelling(known(undefined, { pinned: true }), { ...home, accuracyM: 3 })).toBe(false)
})

test('a better fix is told when it is twice as good, or before the first has left', () => {
  expect(worthTelling(known(40), { ...home, accuracyM: 30 })).toBe(false)
  expect(worthTelling(known(40), { ...home, accuracyM: 19 })).toBe(true)
  expect(worthTelling(known(40, { sent: false }), { ...home, accuracyM: 30 })).toBe(true)
})

test('a fix from elsewhere is told, the tremble of one place is not', () => {
  expect(worthTelling(known(20), { lon: 107.4403, lat: -6.55, accuracyM: 20 })).toBe(false)
  expect(worthTelling(known(20), { lon: 107.45, lat: -6.55, accuracyM: 20 })).toBe(true)
  expect(metres(home, { lon: 107.45, lat: -6.55 })).toBeCloseTo(1104.7, 0)
})

test('a call survives a reload, each person having their own', () => {
  const kept = new Map<string, string>()
  const storage = {
    getItem: (key: string) => kept.get(key) ?? null, setItem: (key: string, value: string) => void kept.set(key, value),
    removeItem: (key: string) => void kept.delete(key),
  } as unknown as Storage
  const call = { id: 'c', tappedAt: 1, stored: false, cancelling: false, place: undefined }
  new Keeper('a', storage).write(call)
  expect(new Keeper('a', storage).read()).toEqual({ id: 'c', tappedAt: 1, stored: false, cancelling: false })
  expect(new Keeper('b', storage).read()).toBeUndefined()
  new Keeper('a', storage).write(undefined)
  expect(new Keeper('a', storage).read()).toBeUndefined()
})
