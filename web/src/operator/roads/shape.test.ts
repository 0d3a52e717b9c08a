import { describe, expect, it } from 'vitest'
import { borderOf, shapeOf } from './shape'

const a = { lon: 107.4, lat: -6.5 }
const b = { lon: 107.5, lat: -6.5 }
const c = { lon: 107.5, lat: -6.6 }

describe('shapeOf', () => {
  it('is nothing while points are missing', () => {
    expect(shapeOf({ kind: 'point', points: [] })).toBeUndefined()
    expect(shapeOf({ kind: 'line', points: [a] })).toBeUndefined()
    expect(shapeOf({ kind: 'area', points: [a, b] })).toBeUndefined()
  })

  it('writes longitude first, and closes areas', () => {
    expect(shapeOf({ kind: 'point', points: [a] })).toEqual({ type: 'Point', coordinates: [107.4, -6.5] })
    expect(shapeOf({ kind: 'line', points: [a, b] })?.coordinates).toEqual([[107.4, -6.5], [107.5, -6.5]])
    const area = shapeOf({ kind: 'area', points: [a, b, c] })
    expect(area && borderOf(area)).toEqual([[107.4, -6.5], [107.5, -6.5], [107.5, -6.6], [107.4, -6.5]])
  })
})
