import { expect, test } from 'vitest'
import { lengthOf, metres, offLine, restOf } from './geometry'

const a = { lon: 107.44, lat: -6.55 }

test('a thousandth of a degree is about 111 m north and a little less east', () => {
  expect(metres(a, { lon: 107.44, lat: -6.549 })).toBeCloseTo(111.2, 0)
  expect(metres(a, { lon: 107.441, lat: -6.55 })).toBeCloseTo(110.5, 0)
})

test('the distance to a line is that to its nearest piece, not to its corners', () => {
  const line: [number, number][] = [[107.43, -6.55], [107.45, -6.55]]
  expect(offLine({ lon: 107.44, lat: -6.547 }, line)).toBeCloseTo(333.6, 0)
  expect(offLine({ lon: 107.46, lat: -6.55 }, line)).toBeCloseTo(1104.7, 0)
  expect(offLine(a, [])).toBe(Infinity)
})

test('what has been driven is cut off where the line comes nearest', () => {
  const line: [number, number][] = [[107.43, -6.55], [107.44, -6.55], [107.45, -6.55]]
  const rest = restOf({ lon: 107.435, lat: -6.5502 }, line)
  expect(rest[0]?.[0]).toBeCloseTo(107.435, 6)
  expect(rest.slice(1)).toEqual([[107.44, -6.55], [107.45, -6.55]])
  expect(lengthOf(rest) / lengthOf(line)).toBeCloseTo(0.75, 3)
  expect(restOf(a, [])).toEqual([])
})
