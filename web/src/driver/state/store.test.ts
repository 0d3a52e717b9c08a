import 'fake-indexeddb/auto'
import { expect, test } from 'vitest'
import type { DriverDesk } from './frames'
import { Store } from './store'

const AT = '2026-01-10T08:00:00Z'
const NOON = Date.parse('2026-01-10T12:00:00Z')

function desk(more: object): DriverDesk {
  return { at: AT, aboard: { call_sign: 'PWK-01' }, run: null, stood_down: [], ...more } as unknown as DriverDesk
}

test('a desk outlives the page for its driver, for a day', async () => {
  const store = await Store.open('desk-a')
  await store.keepDesk('me', desk({ run: { state: 'en_route', assignment_id: 'a' } }))
  expect((await store.desk('me', NOON))?.run?.assignment_id).toBe('a')
  expect(await store.desk('somebody else', NOON)).toBeUndefined()
  expect(await store.desk('me', NOON + 24 * 3600 * 1000)).toBeUndefined()
  store.close()
})

test('an offer is not kept, and off duty nothing is', async () => {
  const store = await Store.open('desk-b')
  await store.keepDesk('me', desk({ run: { state: 'offered', assignment_id: 'a' } }))
  expect((await store.desk('me', NOON))?.run).toBeNull()
  await store.keepDesk('me', desk({ aboard: null }))
  expect(await store.desk('me', NOON)).toBeUndefined()
  store.close()
})
