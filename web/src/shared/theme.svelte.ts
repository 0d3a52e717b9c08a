/** Light or night: as the device says, until the person chooses. */

import { device } from './storage'

export type Theme = 'light' | 'night'
const KEY = 'semar.theme'
const dark = matchMedia('(prefers-color-scheme: dark)')

class ThemeChoice {
  chosen = $state<Theme | undefined>((device.getItem(KEY) as Theme | null) ?? undefined)
  system = $state<Theme>(dark.matches ? 'night' : 'light')

  get current(): Theme {
    return this.chosen ?? this.system
  }

  toggle(): void {
    this.chosen = this.current === 'night' ? 'light' : 'night'
    device.setItem(KEY, this.chosen)
    this.apply()
  }

  apply(): void {
    document.documentElement.dataset.theme = this.current
  }
}

export const theme = new ThemeChoice()
dark.addEventListener('change', () => {
  theme.system = dark.matches ? 'night' : 'light'
  theme.apply()
})
theme.apply()
