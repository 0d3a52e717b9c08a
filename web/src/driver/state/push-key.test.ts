import { expect, test } from 'vitest'
import { keyBytes, sameKey } from './push-key'

const KEY = 'BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4'

test('a key is 65 bytes, and known again', () => {
  const bytes = keyBytes(KEY)
  expect([bytes.length, bytes[0]]).toEqual([65, 4])
  expect(sameKey(bytes.buffer, KEY)).toBe(true)
  bytes[64] = (bytes[64] ?? 0) ^ 1
  expect(sameKey(bytes.buffer, KEY)).toBe(false)
  expect(sameKey(null, KEY)).toBe(false)
  expect(sameKey(new ArrayBuffer(0), KEY)).toBe(false)
})
