import { expect, test } from 'vitest'
import { addDays, lastDays, length, monthOf, today } from './period'

test('a day is local to the regency', () => {
  const evening = new Date('2026-11-20T17:30:00Z')
  expect(today('Asia/Jakarta', evening)).toBe('2026-11-21')
  expect(today('UTC', evening)).toBe('2026-11-20')
})

test('periods hold both of their ends', () => {
  expect(lastDays('2026-03-01', 7)).toEqual({ from: '2026-02-23', to: '2026-03-01' })
  expect(length(lastDays('2026-03-01', 7))).toBe(7)
  expect(monthOf('2026-11-21')).toEqual({ from: '2026-11-01', to: '2026-11-21' })
  expect(addDays('2028-02-28', 1)).toBe('2028-02-29')
})
