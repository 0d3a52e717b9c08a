/** What a push message shows: in Indonesian, with the unit and the case, and nobody's name or place. */

export interface Ring {
  title: string
  options: NotificationOptions & { renotify?: boolean; vibrate?: number[] }
}

const TITLES: Record<string, string> = {
  offer: 'TUGAS BARU',
  stand_down: 'DIPANGGIL KEMBALI',
  destination: 'TUJUAN BERUBAH',
}

/** The notification for a message; one that cannot be read still rings, for something wants the crew. */
export function ringOf(words: string | undefined, page: string): Ring {
  const told = read(words)
  const kind = TITLES[String(told.kind)]
  return {
    title: `${kind ?? 'SEMAR'}${told.unit === undefined ? '' : ` · ${String(told.unit)}`}`,
    options: {
      body: `${told.number === undefined ? '' : `${String(told.number)}. `}Buka SEMAR sekarang.`,
      // a later word on the same matter takes the place of the earlier one, and rings again
      tag: String(told.notice ?? 'semar'),
      renotify: true,
      requireInteraction: true,
      vibrate: [400, 150, 400, 150, 400],
      icon: '/favicon.svg',
      data: { page },
    },
  }
}

function read(words: string | undefined): Record<string, unknown> {
  try {
    const told: unknown = JSON.parse(words ?? '')
    return typeof told === 'object' && told !== null ? (told as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}
