/** How a unit's silence is said: `tanpa sinyal 4 mnt`. */

import type { Words } from '$shared/texts/language.svelte'

export function silenceWords(seconds: number): Words {
  if (seconds < 60) return { id: `tanpa sinyal ${Math.round(seconds)} dtk`, en: `no signal ${Math.round(seconds)} s` }
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return { id: `tanpa sinyal ${minutes} mnt`, en: `no signal ${minutes} min` }
  const hours = Math.floor(minutes / 60)
  return { id: `tanpa sinyal ${hours} j ${minutes % 60} mnt`, en: `no signal ${hours} h ${minutes % 60} min` }
}
