/** Local days of a regency, and the periods that are asked for most. */

export interface Period { from: string; to: string }

/** Today in a time zone, as `2026-11-20`. */
export function today(zone: string, now: Date = new Date()): string {
  return new Intl.DateTimeFormat('en-CA', { timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit' }).format(now)
}

export function addDays(day: string, days: number): string {
  const moved = new Date(`${day}T00:00:00Z`)
  moved.setUTCDate(moved.getUTCDate() + days)
  return moved.toISOString().slice(0, 10)
}

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
