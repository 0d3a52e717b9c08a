import { expect, test } from 'vitest'
import { ringOf } from './ring'

test('a message names the matter, the unit and the case', () => {
  const ring = ringOf(JSON.stringify({ kind: 'offer', unit: 'PWK-A01', number: 'PWK-20261121-0001', notice: 'n1' }), '/pengemudi')
  expect(ring.title).toBe('TUGAS BARU · PWK-A01')
  expect(ring.options.body).toBe('PWK-20261121-0001. Buka SEMAR sekarang.')
  expect(ring.options.tag).toBe('n1')
})

test('a unit that is stood down reads so, as on its page', () => {
  expect(ringOf(JSON.stringify({ kind: 'stand_down', unit: 'PWK-A01' }), '/pengemudi').title).toBe('DIPANGGIL KEMBALI · PWK-A01')
})

test.each([undefined, '', 'null', '[]', '{"kind":"new"}', '{'])('what cannot be read still rings: %s', (words) => {
  const ring = ringOf(words, '/pengemudi')
  expect(ring.title).toBe('SEMAR')
  expect(ring.options.body).toBe('Buka SEMAR sekarang.')
})
