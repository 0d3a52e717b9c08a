import { beforeAll, describe, expect, it, vi } from 'vitest'
import { addDays, longDay, readDay, shortDay, today, weekday } from './day'

const NEAR = '2026-11-21'
beforeAll(() => vi.stubGlobal('localStorage', { getItem: () => null }))

describe('a day that is typed', () => {
  it.each([
    '20 11 2026', '20/11/2026', '20-11-26', '20.11.2026', '20112026', '201126', '2011', '20 11', '20-11', '20/11', '20 nov', '20 November 2026',
    '20nov2026', '20 Nopember 26', '2026-11-20', '20261120', ' 20 NOV 2026 ',
  ])('is read with the day before the month: %s', (text) => {
    expect(readDay(text, NEAR)).toBe('2026-11-20')
  })

  it('never turns day and month round', () => {
    expect(readDay('5/11/2026', NEAR)).toBe('2026-11-05')
    expect(readDay('11/5/2026', NEAR)).toBe('2026-05-11')
    expect(readDay('11/20/2026', NEAR)).toBeUndefined()
  })

  it.each(['', '20', '2', 'besok', '31 02 2026', '32 1', '0 11', '20 xyz', '20 11 1926', '2026-13-01', '20 11 202', '11 20 26'])('is none: %s', (text) => {
    expect(readDay(text, NEAR)).toBeUndefined()
  })

  it('without a year is the nearest one', () => {
    expect(readDay('31 12', '2027-01-02')).toBe('2026-12-31')
    expect(readDay('2 1', '2026-12-30')).toBe('2027-01-02')
    expect(readDay('29 2', '2027-03-05')).toBe('2028-02-29')
  })

  it('knows the months of both languages', () => {
    const months = 'jan feb mar apr mei jun jul agu sep okt nov des'.split(' ')
    const english = 'jan feb mar apr may jun jul aug sep oct nov dec'.split(' ')
    months.forEach((name, n) => {
      const wanted = `2026-${String(n + 1).padStart(2, '0')}-07`
      expect(readDay(`7 ${name} 2026`, NEAR)).toBe(wanted)
      expect(readDay(`7 ${english[n]} 2026`, NEAR)).toBe(wanted)
      // what is written is read again, in either language
      for (const language of ['id', 'en'] as const) expect(readDay(shortDay(wanted, language), NEAR)).toBe(wanted)
    })
  })
})

describe('a day that is written', () => {
  it('has the name of its month, whatever the browser', () => {
    expect(shortDay('2026-11-05', 'id')).toBe('5 Nov 2026')
    expect(shortDay('2026-08-05', 'id')).toBe('5 Agu 2026')
    expect(longDay('2026-11-05', 'id')).toBe('Kamis, 5 November 2026')
    expect(weekday('2026-11-05', 'en')).toBe('Thursday')
  })
})

describe('days', () => {
  it('are those of the zone', () => {
    const late = Date.parse('2026-11-20T16:30:00Z')
    expect(today(late, 'Asia/Jakarta')).toBe('2026-11-20')
    expect(today(late, 'Asia/Makassar')).toBe('2026-11-21')
  })

  it('follow each other over months and leap days', () => {
    expect(addDays('2026-11-30', 1)).toBe('2026-12-01')
    expect(addDays('2028-03-01', -1)).toBe('2028-02-29')
  })
})
