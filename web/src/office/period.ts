/** The periods that are asked for most, in local days of a regency. */

import { addDays } from '$shared/texts/day'

export interface Period { from: string; to: string }

/** How many days a period has, both ends included. */
export function length(period: Period): number {
  return Math.round((Date.parse(period.to) - Date.parse(period.from)) / 86_400_000) + 1
}

export function lastDays(day: string, days: number): Period {
  return { from: addDays(day, 1 - days), to: day }
}

export function monthOf(day: string): Period {
  return { from: `${day.slice(0, 8)}01`, to: day }
}
