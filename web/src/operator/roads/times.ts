/** Until when a road change lasts, by the regency's clock. */

const DAY_MS = 86_400_000

/** Milliseconds by which the clock of a zone is ahead of UTC at a moment. */
function ahead(zone: string, at: number): number {
  const parts = new Intl.DateTimeFormat('en-GB', {
    timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23',
  }).formatToParts(at)
  const of = (type: string): number => Number(parts.find((part) => part.type === type)?.value)
  const wall = Date.UTC(of('year'), of('month') - 1, of('day'), of('hour'), of('minute'), of('second'))
  return wall - Math.floor(at / 1000) * 1000
}

/** `2026-11-20T21:30` by the clock of a zone, as fields of a form write it; undefined for anything else. */
export function fromWall(text: string, zone: string): number | undefined {
  const wall = Date.parse(`${text}Z`)
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d$/.test(text) || Number.isNaN(wall)) return undefined
  // once more, as the clock may have been changed between the first guess and the answer
  return wall - ahead(zone, wall - ahead(zone, wall))
}

/** A moment as fields of a form write it, by the clock of a zone. */
export function toWall(at: number, zone: string): string {
  return new Date(at + ahead(zone, at)).toISOString().slice(0, 16)
}

/** `1403`, `14.03`, `9:05` as `14:03`, `09:05`; undefined for what is no time of day. */
export function readTime(text: string): string | undefined {
  const found = /^(\d{1,2})[.:, ]?(\d{2})$/.exec(text.trim())
  if (found === null || Number(found[1]) > 23 || Number(found[2]) > 59) return undefined
  return `${String(found[1]).padStart(2, '0')}:${found[2]}`
}

/** The coming midnight of a zone. */
export function midnight(now: number, zone: string): number {
  const today = toWall(now, zone).slice(0, 10)
  const tomorrow = new Date(Date.parse(`${today}T00:00Z`) + DAY_MS).toISOString().slice(0, 10)
  return fromWall(`${tomorrow}T00:00`, zone) ?? now + DAY_MS
}

export type Until = 'hour' | 'hours' | 'midnight' | 'lifted' | 'own'

/** The end that was chosen: null until somebody lifts it, undefined while an own time is not complete. */
export function endOf(until: Until, own: string, now: number, zone: string): string | null | undefined {
  switch (until) {
    case 'hour': return new Date(now + 3_600_000).toISOString()
    case 'hours': return new Date(now + 4 * 3_600_000).toISOString()
    case 'midnight': return new Date(midnight(now, zone)).toISOString()
    case 'lifted': return null
    case 'own': {
      const at = fromWall(own, zone)
      return at === undefined ? undefined : new Date(at).toISOString()
    }
  }
}
