/** The map's small pictures, drawn here on a canvas: nothing is loaded, and every theme has its own. */

import type { Map as GlMap } from 'maplibre-gl'
import { token } from './tokens'
import type { PositionQuality, Triage, UnitStatus } from './types'

const RATIO = 2 // drawn at twice their size, so that they stay sharp on phones
const TAU = Math.PI * 2

const STATUS_TOKENS: Record<UnitStatus, string> = {
  available: '--good', busy: '--accent', unavailable: '--warn', off_shift: '--unjudged',
}
const QUALITIES: PositionQuality[] = ['live', 'old', 'assumed']
const TRIAGES: Triage[] = ['red', 'yellow', 'green', 'black', 'unjudged']

type Draw = (pen: CanvasRenderingContext2D, size: number) => void

/** Draw every picture in the colours of the present theme, replacing those of another. */
export function drawIcons(map: GlMap): void {
  for (const status of Object.keys(STATUS_TOKENS) as UnitStatus[]) {
    const colour = token(STATUS_TOKENS[status])
    for (const quality of QUALITIES) put(map, `unit-${status}-${quality}`, 28, unit(colour, quality))
    put(map, `arrow-${status}`, 44, arrow(colour))
  }
  for (const triage of TRIAGES) {
    put(map, `case-${triage}`, 36, pin(token(`--${triage}`), false))
    put(map, `case-${triage}-new`, 36, pin(token(`--${triage}`), true))
  }
  put(map, 'facility-hospital', 22, facility(token('--map-facility'), 'H', true))
  put(map, 'facility-puskesmas', 16, facility(token('--map-facility'), '+', true))
  put(map, 'facility-clinic', 14, facility(token('--map-facility'), '+', false))
  put(map, 'me', 24, dot(token('--accent')))
  put(map, 'road-close', 24, noEntry(token('--bad')))
  put(map, 'road-slow', 24, caution(token('--map-slow')))
  put(map, 'hatch-close', 12, hatch(token('--bad')))
  put(map, 'hatch-slow', 12, hatch(token('--map-slow')))
}

function put(map: GlMap, name: string, size: number, draw: Draw): void {
  const canvas = document.createElement('canvas')
  canvas.width = canvas.height = size * RATIO
  const pen = canvas.getContext('2d')
  if (pen === null) return
  pen.scale(RATIO, RATIO)
  draw(pen, size)
  const image = pen.getImageData(0, 0, canvas.width, canvas.height)
  if (map.hasImage(name)) map.updateImage(name, image)
  else map.addImage(name, image, { pixelRatio: RATIO })
}

/** A disc with a cross; hollow and dashed where the place is assumed, faded with "!" where it is old. */
function unit(colour: string, quality: PositionQuality): Draw {
  return (pen, size) => {
    const middle = size / 2
    const radius = middle - 3
    const surface = token('--surface')
    pen.globalAlpha = quality === 'old' ? 0.62 : 1
    circle(pen, middle, radius + 2)
    pen.fillStyle = surface
    pen.fill()
    circle(pen, middle, radius)
    if (quality === 'assumed') {
      pen.strokeStyle = colour
      pen.lineWidth = 2
      pen.setLineDash([3.2, 2.6])
      pen.stroke()
      pen.setLineDash([])
    } else {
      pen.fillStyle = colour
      pen.fill()
    }
    pen.globalAlpha = 1
    pen.fillStyle = quality === 'assumed' ? colour : surface
    if (quality === 'old') {
      pen.fillRect(middle - 1.4, middle - 6.5, 2.8, 8)
      circle(pen, middle, 1.7, 5)
      pen.fill()
    } else {
      cross(pen, middle, quality === 'assumed' ? 4 : 5.5, 3.2)
    }
  }
}

/** A point beyond the disc's rim, upwards: the map turns it to the heading. */
function arrow(colour: string): Draw {
  return (pen, size) => {
    const middle = size / 2
    pen.beginPath()
    pen.moveTo(middle, 1)
    pen.lineTo(middle + 6.5, 11)
    pen.quadraticCurveTo(middle, 7.5, middle - 6.5, 11)
    pen.closePath()
    outlined(pen, colour, 1.5)
  }
}

/** A pin whose point is the place; a ring around it while nobody has confirmed the case. */
function pin(colour: string, ringed: boolean): Draw {
  return (pen, size) => {
    const middle = size / 2
    const head = 13
    pen.beginPath()
    pen.arc(middle, head, 9.5, Math.PI * 0.82, Math.PI * 0.18)
    pen.lineTo(middle, size - 2)
    pen.closePath()
    outlined(pen, colour, 2)
    pen.beginPath()
    pen.arc(middle, head, ringed ? 5.2 : 3.6, 0, TAU)
    pen.fillStyle = token('--surface')
    pen.fill()
    if (ringed) {
      pen.beginPath()
      pen.arc(middle, head, 2.2, 0, TAU)
      pen.fillStyle = colour
      pen.fill()
    }
  }
}

function facility(colour: string, sign: 'H' | '+', filled: boolean): Draw {
  return (pen, size) => {
    const inner = filled ? token('--surface') : colour
    pen.beginPath()
    pen.roundRect(1.5, 1.5, size - 3, size - 3, size / 4.5)
    pen.fillStyle = filled ? colour : token('--surface')
    pen.fill()
    pen.strokeStyle = filled ? token('--surface') : colour
    pen.lineWidth = 1.5
    pen.stroke()
    pen.fillStyle = inner
    const middle = size / 2
    const reach = size / 4
    if (sign === '+') {
      cross(pen, middle, reach, size / 6.5)
      return
    }
    const stroke = size / 8
    pen.fillRect(middle - reach, middle - reach, stroke, reach * 2)
    pen.fillRect(middle + reach - stroke, middle - reach, stroke, reach * 2)
    pen.fillRect(middle - reach, middle - stroke / 2, reach * 2, stroke)
  }
}

function dot(colour: string): Draw {
  return (pen, size) => {
    circle(pen, size / 2, size / 2 - 2)
    pen.fillStyle = token('--surface')
    pen.fill()
    circle(pen, size / 2, size / 2 - 5)
    pen.fillStyle = colour
    pen.fill()
  }
}

/** The sign that every driver knows: no entry. */
function noEntry(colour: string): Draw {
  return (pen, size) => {
    const middle = size / 2
    circle(pen, middle, middle - 2.5)
    outlined(pen, colour, 2)
    pen.fillStyle = token('--surface')
    pen.fillRect(middle - 5.5, middle - 1.8, 11, 3.6)
  }
}

/** A triangle with a stroke: go slowly. */
function caution(colour: string): Draw {
  return (pen, size) => {
    const middle = size / 2
    pen.beginPath()
    pen.moveTo(middle, 3)
    pen.lineTo(size - 2.5, size - 4)
    pen.lineTo(2.5, size - 4)
    pen.closePath()
    outlined(pen, colour, 2)
    pen.fillStyle = token('--surface')
    pen.fillRect(middle - 1.3, 9.5, 2.6, 5.5)
    pen.fillRect(middle - 1.3, 16.2, 2.6, 2.4)
  }
}

/** Slanted strokes that go on from one tile to the next. */
function hatch(colour: string): Draw {
  return (pen, size) => {
    pen.strokeStyle = colour
    pen.lineWidth = 1.6
    pen.beginPath()
    for (const shift of [-size, 0, size]) {
      pen.moveTo(shift - 2, size + 2)
      pen.lineTo(shift + size + 2, -2)
    }
    pen.stroke()
  }
}

function circle(pen: CanvasRenderingContext2D, middle: number, radius: number, below = 0): void {
  pen.beginPath()
  pen.arc(middle, middle + below, radius, 0, TAU)
}

function cross(pen: CanvasRenderingContext2D, middle: number, reach: number, width: number): void {
  pen.fillRect(middle - width / 2, middle - reach, width, reach * 2)
  pen.fillRect(middle - reach, middle - width / 2, reach * 2, width)
}

function outlined(pen: CanvasRenderingContext2D, colour: string, width: number): void {
  pen.lineJoin = 'round'
  pen.strokeStyle = token('--surface')
  pen.lineWidth = width * 2
  pen.stroke()
  pen.fillStyle = colour
  pen.fill()
}
