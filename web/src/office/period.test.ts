import { expect, test } from 'vitest'
import { lastDays, length, monthOf } from './period'

test('periods hold both of their ends', () => {
  expect(lastDays('2026-03-01', 7)).toEqual({ from: '2026-02-23', to: '2026-03-01' })
  expect(length(lastDays('2026-03-01', 7))).toBe(7)
  expect(monthOf('2026-11-21')).toEqual({ from: '2026-11-01', to: '2026-11-21' })
})
