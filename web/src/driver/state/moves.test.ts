import { expect, test } from 'vitest'
import type { KeptStep, Move, RunSheet } from './frames'
import { ahead, destinationOf, movesFrom, needsDestination, usualNext } from './moves'

const run: RunSheet = {
  assignment_id: 'a', incident_id: 'i', incident_number: 'PWK-1', state: 'en_route', moves: ['staged', 'on_scene'], offered_at: '',
  triage: 'red', place: null, village: null, district: null, place_note: null, caller_name: null, caller_phone: null, patients: 1,
  predicted_s: null, legs: [], speed_factor: null, proposals: [], place_accuracy_m: null,
}

function step(to: Move, fields = {}, state: KeptStep['state'] = 'waiting'): KeptStep {
  return { who: 'w', id: to, assignment_id: 'a', incident_number: 'PWK-1', to, device_at: '', fields, state }
}

test('the usual next step is offered only when the server allows it', () => {
  expect(usualNext('accepted', ['en_route', 'staged'])).toBe('en_route')
  expect(usualNext('accepted', ['staged'])).toBeUndefined()
})

test('waiting steps run ahead of the server, answered ones do not', () => {
  expect(ahead(run, [])).toBe(run)
  expect(ahead(run, [step('on_scene'), step('at_patient')])).toMatchObject({
    state: 'at_patient', moves: ['left_scene', 'at_facility', 'completed_without_transport'],
  })
  expect(ahead(run, [step('on_scene', {}, 'reported')])).toBe(run)
})

test('a run that carries a patient ends with a handover only', () => {
  expect(movesFrom('left_scene')).toEqual(['at_facility', 'handed_over'])
  expect(movesFrom('at_facility')).toEqual(['handed_over', 'left_scene'])
  expect(movesFrom('handed_over')).toEqual(['cleared'])
  expect(movesFrom('cleared')).toEqual([])
  expect(movesFrom('offered').at(-1)).toBe('declined')
})

test('a destination is asked for when leaving, and when arriving without one', () => {
  expect(needsDestination(run, 'left_scene', [])).toBe(true)
  expect(needsDestination(run, 'at_facility', [])).toBe(true)
  expect(needsDestination(run, 'at_facility', [step('left_scene', { facility_id: 'f' })])).toBe(false)
  expect(destinationOf(run, [step('left_scene', { outside_name: 'RS Contoh' })])).toEqual({ name: 'RS Contoh' })
})
