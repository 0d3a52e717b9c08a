/** What uPlot is told to draw: times as lines over the number of cases as bars. */

import { speech } from '$shared/texts/language.svelte'
import uPlot from 'uplot'
import { count, day, duration, say, type Course } from './words'

type Point = Course['points'][number]

/** Round steps for an axis of seconds. */
const TIME_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200, 86_400]

function token(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim()
}

function known<T>(value: T | null | undefined, write: (value: T) => string): string {
  return value === null || value === undefined ? '–' : write(value)
}

/** The points with their places as whole numbers: days have no width that a time scale would have to know. */
function data(course: Course): [uPlot.AlignedData] {
  const of = (pick: (point: Point) => number | null): (number | null)[] => course.points.map(pick)
  return [[
    course.points.map((_, place) => place),
    of((point) => point.n + point.missing),
    of((point) => point.n),
    of((point) => point.p50_s),
    of((point) => point.p90_s),
    course.points.map(() => course.target_s),
  ]]
}

function dayOf(course: Course, place: number): string {
  const point = course.points[Math.round(place)]
  if (point === undefined || Math.abs(place - Math.round(place)) > 0.01) return ''
  return day(point.from_day, true)
}

export function drawing(course: Course, size: { width: number; height: number }): uPlot.Options {
  const ink = token('ink-soft'), line = token('line'), accent = token('accent'), font = `11px ${token('font')}`
  const most = Math.max(1, ...course.points.map((point) => point.n + point.missing))
  const longest = Math.max(course.target_s ?? 0, ...course.points.map((point) => point.p90_s ?? 0)) || 1
  const bars = uPlot.paths.bars?.({ size: [0.7, 40] })
  const axis = { stroke: ink, font, grid: { stroke: line, width: 1 }, ticks: { show: false } }
  const lone = course.points.length <= 62
  return {
    ...size,
    scales: {
      x: { time: false, range: () => [-0.6, course.points.length - 0.4] },
      seconds: { range: () => [0, longest * 1.12] },
      // the bars keep to the lower half, so that the lines stay readable
      cases: { range: () => [0, most * 2.2] },
    },
    axes: [
      { ...axis, grid: { show: false }, space: 56, incrs: [1, 2, 3, 5, 7, 14, 28, 56, 112, 224],
        values: (_, places) => places.map((place) => dayOf(course, place)) },
      { ...axis, scale: 'seconds', size: 58, incrs: TIME_STEPS, values: (_, seconds) => seconds.map((value) => (value === 0 ? '0' : duration(value))) },
      { ...axis, scale: 'cases', side: 1, size: 40, grid: { show: false }, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000],
        values: (_, values) => values.map((value) => (value > most ? '' : count(value))) },
    ],
    series: [
      { label: course.step === 'day' ? say('Hari', 'Day') : say('Minggu', 'Week'), value: (_, place) => known(place, (found) => dayOf(course, found)) },
      { label: say('hilang', 'missing'), scale: 'cases', fill: token('warn'), width: 0, ...(bars ? { paths: bars } : {}), points: { show: false },
        value: (_, __, ___, place) => known(place === null ? null : course.points[place], (point) => count(point.missing)) },
      { label: 'n', scale: 'cases', fill: token('line'), width: 0, ...(bars ? { paths: bars } : {}), points: { show: false },
        value: (_, value) => known(value, count) },
      { label: 'P50', scale: 'seconds', stroke: ink, width: 2, points: { show: lone, size: 6, fill: ink }, value: (_, value) => known(value, duration) },
      { label: 'P90', scale: 'seconds', stroke: accent, width: 3, points: { show: lone, size: 8, fill: accent }, value: (_, value) => known(value, duration) },
      { label: say('sasaran', 'target'), scale: 'seconds', stroke: token('ink'), width: 1.5, dash: [6, 4], points: { show: false },
        show: course.target_s !== null, value: (_, value) => known(value, duration) },
    ],
    cursor: { drag: { x: false, y: false } },
    legend: { live: true },
    // the language is part of the drawing: a change of it makes a new one
    class: `language-${speech.language}`,
  }
}
drawing.data = data
