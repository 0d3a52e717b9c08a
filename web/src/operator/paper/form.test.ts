import { describe, expect, it } from 'vitest'
import { readTime } from '../roads/times'
import { blankForm, blankRun, bodyOf, caseMoments, dayOf, endOf, inOrder, runMoments, RUN_STAMPS, unreadable, wrongOf } from './form'

const JAKARTA = 'Asia/Jakarta'
const at = (text: string): number => Date.parse(`${text}+07:00`)

function filled() {
  const form = blankForm('0192f0c1-7b1e-7a54-9c0e-2f6f2f7a9b12', '2026-11-21')
  form.number = ' PWK-20261121-P1403.01 '
  form.times = { called_at: '23.50' }
  form.runs = [{ ...blankRun(), unit: 'u', times: { assigned_at: '2352', on_scene_at: '00:05', available_at: '1:10' }, end: 'cleared' }]
  return form
}

describe('readTime', () => {
  it('takes times as people write them', () => {
    expect(['1403', '14:03', '14.03', '9.05', ' 905 '].map(readTime)).toEqual(['14:03', '14:03', '14:03', '09:05', '09:05'])
  })
  it('takes nothing that is no time', () => {
    expect(['', '24:00', '12:60', '7', 'siang', '14:03:10'].map(readTime)).toEqual(Array(6).fill(undefined))
  })
})

describe('inOrder', () => {
  it('goes on past midnight', () => {
    expect(inOrder('2026-11-21', ['23:50', undefined, '00:05', '00:20'], JAKARTA)).toEqual(
      [at('2026-11-21T23:50'), undefined, at('2026-11-22T00:05'), at('2026-11-22T00:20')],
    )
  })
  it('leaves a time that is a little too early where it is', () => {
    expect(inOrder('2026-11-21', ['14:10', '14:05'], JAKARTA)[1]).toBe(at('2026-11-21T14:05'))
  })
})

describe('wrongOf', () => {
  const now = at('2026-11-22T06:00')
  it('names both of two times that contradict each other', () => {
    const form = filled()
    form.runs[0]!.times.on_scene_at = '23:51'
    expect(wrongOf(runMoments(form, form.runs[0]!, JAKARTA), RUN_STAMPS, now)).toEqual({ name: 'on_scene_at', before: 'assigned_at' })
  })
  it('finds what is still to come, and nothing in a right form', () => {
    const form = filled()
    expect(wrongOf(runMoments(form, form.runs[0]!, JAKARTA), RUN_STAMPS, now)).toBeUndefined()
    expect(wrongOf(caseMoments(form, JAKARTA), ['called_at'], at('2026-11-21T20:00'))).toEqual({ name: 'called_at', before: undefined })
  })
  it('takes equal minutes for in order', () => {
    expect(wrongOf({ a: 1, b: 1 }, ['a', 'b'], 5)).toBeUndefined()
  })
})

describe('bodyOf', () => {
  it('sends what was written, in UTC, and no more', () => {
    const body = bodyOf(filled(), JAKARTA)
    expect(body).toMatchObject({ number: 'PWK-20261121-P1403.01', called_at: '2026-11-21T16:50:00.000Z', taken_at: null, caller_name: null, closed: true })
    expect(body?.runs?.[0]?.stamps).toEqual({
      assigned_at: '2026-11-21T16:52:00.000Z', on_scene_at: '2026-11-21T17:05:00.000Z', available_at: '2026-11-21T18:10:00.000Z',
    })
  })
  it('knows the other zones of the country', () => {
    expect(bodyOf(filled(), 'Asia/Jayapura')?.called_at).toBe('2026-11-21T14:50:00.000Z')
  })
  it('leaves rows out that nobody filled, and waits for the time of the call', () => {
    const form = filled()
    form.runs.push(blankRun())
    expect(bodyOf(form, JAKARTA)?.runs).toHaveLength(1)
    form.times = {}
    expect(bodyOf(form, JAKARTA)).toBeUndefined()
  })
})

describe('small print', () => {
  it('takes the day from the number', () => {
    expect(dayOf('pwk-l-20261121-p1403.01')).toBe('2026-11-21')
    expect(dayOf('7')).toBeUndefined()
  })
  it('reads the end of a run from its times', () => {
    expect(endOf({ ...blankRun(), times: { handed_over_at: '1510', available_at: '1520' } })).toBe('cleared')
    expect(endOf({ ...blankRun(), times: { stood_down_at: '1510' } })).toBe('stood_down')
    expect(endOf({ ...blankRun(), times: { available_at: '1520' } })).toBe('')
  })
  it('says what it could not read', () => {
    const form = filled()
    form.runs[0]!.times.at_patient_at = 'pagi'
    expect(unreadable(form)).toEqual(['pagi'])
  })
})
