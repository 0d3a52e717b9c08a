import { describe, expect, it } from 'vitest'
import type { QuestionTree } from '../state/api'
import { readPlace } from '../state/picking.svelte'
import { recorded, walk } from './tree'

const question = (key: string, yes: string, no: string) => ({ key, text_id: key, text_en: key, yes, no })
const tree = {
  version: '1', first: 'awake',
  questions: { awake: question('awake', 'walks', 'red'), walks: question('walks', 'green', 'yellow') },
} as QuestionTree

describe('walk', () => {
  it('asks one question after the other, and ends in a colour', () => {
    expect(walk(tree, {}).next?.key).toBe('awake')
    expect(walk(tree, { awake: true }).next?.key).toBe('walks')
    expect(walk(tree, { awake: true, walks: false }).colour).toBe('yellow')
  })

  it('forgets answers that are off the path once an earlier one is changed', () => {
    const found = walk(tree, { awake: false, walks: true })
    expect(found.colour).toBe('red')
    expect(recorded(found)).toEqual({ awake: false })
    expect(recorded(walk(tree, {}))).toBeNull()
  })
})

describe('readPlace', () => {
  it('reads what people send, in either order and with decimal commas', () => {
    const place = { lon: 107.4344, lat: -6.5459 }
    expect(readPlace('-6.5459, 107.4344')).toEqual(place)
    expect(readPlace('107.4344 -6.5459')).toEqual(place)
    expect(readPlace('-6,5459; 107,4344')).toEqual(place)
  })

  it('refuses what is no place here', () => {
    expect(readPlace('Jalan Veteran 39')).toBeUndefined()
    expect(readPlace('51.5, -0.1')).toBeUndefined()
    expect(readPlace('-6.5')).toBeUndefined()
  })
})
