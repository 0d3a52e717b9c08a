import { expect, test, vi } from 'vitest'
import { Picking } from './picking.svelte'

const market = { lon: 107.44, lat: -6.55 }

test('a point goes to whoever asked last, once', () => {
  const picking = new Picking()
  const [first, second] = [vi.fn(), vi.fn()]
  picking.ask('first', null, first)
  picking.ask('second', null, second)
  picking.point(market)
  picking.take()
  picking.take()
  expect(first).not.toHaveBeenCalled()
  expect(second.mock.calls).toEqual([[market]])
})

test('a point never goes to a case that was left, and the question of the next one stays', () => {
  const picking = new Picking()
  const [left, next] = [vi.fn(), vi.fn()]
  picking.ask('the call that was left', null, left)
  picking.drop(left)
  expect(picking.asked).toBeUndefined()
  picking.point(market)
  picking.take()
  picking.ask('the next call', null, next)
  picking.drop(left)
  picking.drop(undefined)
  picking.point(market)
  picking.take()
  expect(left).not.toHaveBeenCalled()
  expect(next.mock.calls).toEqual([[market]])
})
