import { expect, test } from 'vitest'
import type { DriverDesk, RunSheet, Slip } from './frames'
import { causesOf, Rings, stoodDown } from './rings.svelte'

function desk(...ids: string[]): DriverDesk {
  return { stood_down: ids } as unknown as DriverDesk
}

function run(state: string): RunSheet {
  return { assignment_id: 'a', state } as unknown as RunSheet
}

const slip = { id: 'n', kind: 'destination', assignment_id: 'a' } as unknown as Slip

test('what the crew has answered rings no more, although the server does not know; another cause does', () => {
  const rings = new Rings()
  expect(rings.sound(causesOf(desk('a'), undefined, undefined))).toBe(true)
  rings.hear([stoodDown('a')])
  expect(rings.sound(causesOf(desk('a'), undefined, undefined))).toBe(false)
  expect(rings.sound(causesOf(desk('a', 'b'), undefined, undefined))).toBe(true)
  expect(rings.sound(causesOf(desk('a'), run('offered'), undefined))).toBe(true)
})

test('a new destination rings until it was read, and only where there is a button to say so', () => {
  const rings = new Rings()
  expect(rings.sound(causesOf(desk(), run('left_scene'), slip))).toBe(true)
  // taken without signal: the server still says that the destination was not acknowledged
  expect(rings.sound(causesOf(desk(), run('handed_over'), slip))).toBe(false)
  rings.hear([slip.id])
  expect(rings.sound(causesOf(desk(), run('left_scene'), slip))).toBe(false)
  expect(rings.sound(causesOf(desk(), run('left_scene'), { ...slip, id: 'another' }))).toBe(true)
})
