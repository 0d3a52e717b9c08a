/** The second click of a double click does nothing: by then another button may stand in the same place. */

const REPEATABLE = 'canvas, .maplibregl-map, [data-repeat]'

export function ignoreDoubleClicks(root: Document | HTMLElement): void {
  root.addEventListener('click', (event) => {
    const { detail, target } = event as MouseEvent
    if (detail > 1 && isCommand(target)) swallow(event)
  }, { capture: true })
  // a key held down would press its button again and again
  root.addEventListener('keydown', (event) => {
    const { repeat, key, target } = event as KeyboardEvent
    if (repeat && (key === 'Enter' || key === ' ') && isCommand(target)) swallow(event)
  }, { capture: true })
}

function isCommand(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest('button, a, summary') !== null && target.closest(REPEATABLE) === null
}

function swallow(event: Event): void {
  event.preventDefault()
  event.stopPropagation()
}
