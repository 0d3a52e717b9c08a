import { afterEach, expect, test, vi } from 'vitest'
import { Alarm } from './alarm'

afterEach(() => vi.unstubAllGlobals())

function page(touched: boolean): void {
  vi.stubGlobal('navigator', { userActivation: { hasBeenActive: touched } })
  vi.stubGlobal('AudioContext', class {
    state = 'suspended'
    resume(): Promise<void> {
      this.state = 'running'
      return Promise.resolve()
    }
  })
}

test('who signed in with a touch is heard without another one', () => {
  page(true)
  expect(new Alarm().audible).toBe(true)
})

test('a page that nobody has touched yet stays silent until somebody does', () => {
  page(false)
  const alarm = new Alarm()
  expect(alarm.audible).toBe(false)
  alarm.unlock()
  expect(alarm.audible).toBe(true)
})
