import { beforeAll, expect, test, vi } from 'vitest'

type Language = typeof import('./language.svelte')
type Zone = typeof import('./zone.svelte')
let language: Language
let zone: Zone
const MIDNIGHT = '2026-11-20T17:00:05Z' // in Jakarta

beforeAll(async () => {
  vi.stubGlobal('localStorage', { getItem: () => null, setItem: () => undefined, removeItem: () => undefined })
  vi.stubGlobal('document', { documentElement: { lang: '', dataset: {} } })
  language = await import('./language.svelte')
  zone = await import('./zone.svelte')
})

test('times are the regency\'s, whatever the browser believes', () => {
  zone.regional.zone = 'Asia/Jakarta'
  expect(language.timeOfDay(MIDNIGHT)).toBe('00:00:05')
  zone.regional.zone = 'Asia/Jayapura'
  expect(language.timeOfDay(MIDNIGHT)).toBe('02:00:05')
  expect(language.hourWithZone(MIDNIGHT)).toBe('02:00 WIT')
})

test('the zone has the name that people use', () => {
  expect(['Asia/Pontianak', 'Asia/Makassar', 'Asia/Jayapura'].map(zone.zoneName)).toEqual(['WIB', 'WITA', 'WIT'])
  expect(zone.zoneName('Asia/Tokyo')).toBe('GMT+9')
})

test('before the zone is known no zone is claimed', () => {
  zone.regional.zone = undefined
  expect(language.hourWithZone(MIDNIGHT)).toMatch(/^\d\d:\d\d$/)
})
