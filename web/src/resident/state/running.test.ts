import { expect, test, vi } from 'vitest'
import type { Client } from '$shared/api/client'
import { Running } from './running.svelte'

vi.hoisted(() => {
  vi.stubGlobal('document', { documentElement: { lang: '', dataset: {} } })
  vi.stubGlobal('localStorage', {
    getItem: () => null,
    setItem: () => { throw new DOMException('full', 'QuotaExceededError') },
    removeItem: () => undefined,
  })
  vi.stubGlobal('addEventListener', () => undefined)
  vi.stubGlobal('removeEventListener', () => undefined)
  vi.stubGlobal('isSecureContext', false)
  vi.stubGlobal('location', { href: 'http://pusat.test/warga' })
  vi.stubGlobal('WebSocket', class { close(): void {} })
})

test('a call goes out from a device that has no room to keep it', async () => {
  const POST = vi.fn(() => Promise.resolve({}))
  const running = new Running({ client: { POST } as unknown as Client, resident: 'r', token: () => 't', onLost: () => undefined })
  running.call()
  expect(POST).toHaveBeenCalledWith('/api/v1/calls', expect.objectContaining({ body: { id: running.kept?.id } }))
  await vi.waitFor(() => expect(running.kept?.stored).toBe(true))
  running.close()
})
