import { expect, test } from 'vitest'
import { storageOf } from './storage'

function forbidden(): Storage {
  throw new DOMException('no storage here', 'SecurityError')
}

test('where storage is forbidden, what is kept lasts as long as the page', () => {
  const kept = storageOf(forbidden)
  expect(kept.getItem('a')).toBeNull()
  kept.setItem('a', '1')
  expect(kept.getItem('a')).toBe('1')
  kept.removeItem('a')
  expect(kept.getItem('a')).toBeNull()
})

test('what finds no room is newer than what is stored, until there is room again', () => {
  const stored = new Map([['a', 'old']])
  let room = false
  const kept = storageOf(() => ({
    getItem: (key: string) => stored.get(key) ?? null,
    setItem: (key: string, text: string) => {
      if (!room) throw new DOMException('full', 'QuotaExceededError')
      stored.set(key, text)
    },
    removeItem: (key: string) => void stored.delete(key),
  }) as unknown as Storage)
  kept.setItem('a', 'new')
  expect([kept.getItem('a'), stored.get('a')]).toEqual(['new', 'old'])
  room = true
  kept.setItem('a', 'newer')
  expect([kept.getItem('a'), stored.get('a')]).toEqual(['newer', 'newer'])
  kept.removeItem('a')
  expect(kept.getItem('a')).toBeNull()
})
