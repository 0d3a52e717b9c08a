import { expect, test } from 'vitest'
import { Once } from './once'

test('what was not answered keeps its id, anything else gets a new one', () => {
  const once = new Once()
  const first = once.idFor('unit 1')
  expect(once.idFor('unit 1')).toBe(first)
  expect(once.idFor('unit 2')).not.toBe(first)
})

test('after the answer the same words are told anew', () => {
  const once = new Once()
  const first = once.idFor('no_answer')
  once.answered()
  expect(once.idFor('no_answer')).not.toBe(first)
})
