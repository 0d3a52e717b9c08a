/** One line of what a step was about, from its data and the rows it left. */

import { speech, type Words } from '$shared/texts/language.svelte'
import { callbackWords, channelWords, disposalWords, refusalWords, stateWords, triageWords, unavailabilityWords, verificationWords } from '$shared/texts/words'
import type { CaseReplay, ReplayStep } from './replay'

const at = (words: Record<string, Words>, code: unknown): string | undefined => {
  const found = typeof code === 'string' ? words[code] : undefined
  return found === undefined ? undefined : speech.say(found)
}

/** The words that belong beside a step's name; empty when its name says all. */
export function detail(step: ReplayStep, names: CaseReplay['names']): string {
  const data = step.data as Record<string, unknown>
  const run = step.rows.find((row) => row.table === 'assignment')
  const unitId = String(data.unit_id ?? run?.fields.unit_id ?? '')
  const facilityId = String(data.facility_id ?? step.rows.find((row) => row.table === 'leg')?.fields.facility_id ?? '')
  const parts = [
    typeof data.call_sign === 'string' ? data.call_sign : names.units[unitId],
    at(stateWords, data.to ?? data.step),
    at(channelWords, data.channel),
    at(callbackWords, data.outcome),
    at(disposalWords, data.disposal),
    at({ ...refusalWords, ...unavailabilityWords }, data.reason),
    at(triageWords, data.triage),
    at(verificationWords, data.result),
    names.facilities[facilityId],
  ]
  return [...new Set(parts.filter((part) => part !== undefined && part !== ''))].join(' · ')
}
