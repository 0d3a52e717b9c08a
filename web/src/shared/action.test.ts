import { beforeAll, expect, test, vi } from 'vitest'

beforeAll(() => {
  vi.stubGlobal('localStorage', { getItem: () => null })
  vi.stubGlobal('document', { documentElement: { lang: '' } })
})

test('a press without an answer says that it may not have gone through, and to press again', async () => {
  const { Action } = await import('./action.svelte')
  const press = new Action(async () => { throw new TypeError('network') })
  expect(await press.run()).toBe(false)
  expect(press.problem?.words).toBe('Server tidak menjawab: belum tentu berhasil. Isian tetap ada; tekan lagi.')
  expect(press.problem?.document.status).toBe(0)
})

test('a refusal keeps its own words', async () => {
  const [{ Action }, { Problem }] = await Promise.all([import('./action.svelte'), import('./api/client')])
  const press = new Action(async () => { throw new Problem({ status: 409, code: 'unit_taken', detail: 'sudah bertugas', detail_en: 'taken' }) })
  await press.run()
  expect(press.problem?.words).toBe('sudah bertugas')
})
