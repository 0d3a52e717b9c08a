/** The clock of the page: in the regency's time zone, wherever the browser believes to be. */

/** Indonesia's three zones by the names people use. */
const NAMES: Record<string, string> = {
  'Asia/Jakarta': 'WIB', 'Asia/Pontianak': 'WIB', 'Asia/Makassar': 'WITA', 'Asia/Ujung_Pandang': 'WITA', 'Asia/Jayapura': 'WIT',
}

class Regional {
  /** The zone of the tenant somebody works for; undefined before that is known: then the browser's own. */
  zone = $state<string | undefined>(undefined)
}

export const regional = new Regional()

/** WIB, WITA, WIT; elsewhere the distance from UTC. */
export function zoneName(zone: string): string {
  const known = NAMES[zone]
  if (known !== undefined) return known
  const parts = new Intl.DateTimeFormat('en-GB', { timeZone: zone, timeZoneName: 'shortOffset' }).formatToParts(new Date())
  return parts.find((part) => part.type === 'timeZoneName')?.value ?? zone
}
