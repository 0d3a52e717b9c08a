import { describe, expect, it } from 'vitest'
import { endOf, fromWall, midnight, toWall } from './times'

const NOW = Date.parse('2026-11-20T16:30:00Z') // 23:30 in Jakarta, 00:30 of the next day in Makassar

describe('the clock of a regency', () => {
  it('is read and written in its own zone, wherever the browser is', () => {
    expect(toWall(NOW, 'Asia/Jakarta')).toBe('2026-11-20T23:30')
    expect(fromWall('2026-11-20T23:30', 'Asia/Jakarta')).toBe(NOW)
    expect(fromWall('2026-11-21T00:30', 'Asia/Makassar')).toBe(NOW)
  })

  it('knows no half-written time', () => {
    for (const text of ['', '2026-11-20', '2026-13-20T10:00', 'besok']) expect(fromWall(text, 'Asia/Jakarta')).toBeUndefined()
  })

  it('keeps right where clocks are changed', () => {
    expect(fromWall('2026-10-25T12:00', 'Europe/Berlin')).toBe(Date.parse('2026-10-25T11:00:00Z'))
    expect(fromWall('2026-03-29T12:00', 'Europe/Berlin')).toBe(Date.parse('2026-03-29T10:00:00Z'))
  })

  it('finds the coming midnight', () => {
    expect(midnight(NOW, 'Asia/Jakarta')).toBe(Date.parse('2026-11-20T17:00:00Z'))
    expect(midnight(NOW, 'Asia/Makassar')).toBe(Date.parse('2026-11-21T16:00:00Z'))
  })
})

describe('the end of a change', () => {
  it('is what was chosen', () => {
    const end = (until: Parameters<typeof endOf>[0], own = '') => endOf(until, own, NOW, 'Asia/Jakarta')
    expect(end('hour')).toBe('2026-11-20T17:30:00.000Z')
    expect(end('hours')).toBe('2026-11-20T20:30:00.000Z')
    expect(end('midnight')).toBe('2026-11-20T17:00:00.000Z')
    expect(end('lifted')).toBeNull()
    expect(end('own', '2026-11-21T06:00')).toBe('2026-11-20T23:00:00.000Z')
    expect(end('own')).toBeUndefined()
  })
})
