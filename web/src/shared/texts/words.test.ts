import { beforeAll, expect, test, vi } from 'vitest'

const NAMES = [
  'shared/texts', 'operator', 'operator/paper', 'operator/roads', 'shared/replay', 'driver', 'facility', 'resident', 'office',
]
let modules: [string, Record<string, unknown>][]

beforeAll(async () => {
  // the pages' texts look for the chosen language when they are loaded
  vi.stubGlobal('localStorage', { getItem: () => null, setItem: () => undefined, removeItem: () => undefined })
  vi.stubGlobal('document', { documentElement: { lang: '', dataset: {} } })
  const found = import.meta.glob('../../**/words.ts')
  modules = await Promise.all(Object.entries(found).map(async ([path, load]): Promise<[string, Record<string, unknown>]> =>
    [path, (await load()) as Record<string, unknown>]))
})

test('every page has its words looked at', () => {
  expect(modules).toHaveLength(NAMES.length)
})

test('every code of every table is said in both languages, and not by its code', () => {
  const bare: string[] = []
  let codes = 0
  for (const [path, module] of modules) {
    for (const [name, table] of Object.entries(module).filter(([key]) => key.endsWith('Words'))) {
      if (typeof table !== 'object' || table === null) continue
      for (const [code, words] of Object.entries(table as Record<string, { id: string; en: string } | string>)) {
        if (typeof words === 'string') continue // one text, not a table
        codes += 1
        if ([words.id, words.en].some((text) => text.trim() === '' || text.includes('_'))) bare.push(`${path} ${name} ${code}`)
      }
    }
  }
  expect(bare).toEqual([])
  expect(codes).toBeGreaterThan(100)
})

test('standing a unit down is called the same everywhere, and never a cancelling', () => {
  const otherwise: string[] = []
  let found = 0
  for (const [path, module] of modules) {
    for (const table of Object.values(module)) {
      if (typeof table !== 'object' || table === null) continue
      for (const [code, words] of Object.entries(table as Record<string, { id: string; en: string }>)) {
        if (!/st(an|oo)d_down/.test(code)) continue
        found += 1
        if (!/panggil kembali/i.test(words.id) || !/st(an|oo)d down/i.test(words.en)) otherwise.push(`${path}: ${words.id} / ${words.en}`)
      }
    }
  }
  expect(otherwise).toEqual([])
  expect(found).toBeGreaterThan(6)
})

test('a code that no table has is opened, not hidden', async () => {
  const { called, unavailabilityWords } = await import('./words')
  expect(called(unavailabilityWords, 'flat_tyre')).toEqual({ id: 'flat tyre', en: 'flat tyre' })
})
