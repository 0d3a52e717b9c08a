/** Call signs that this phone has signed on to, the last one first, and which units it has put out of service. */

import { device } from '$shared/storage'

const SIGNS = 'semar.driver.call-signs'
const MOST = 5

export function recentCallSigns(): string[] {
  const kept = device.getItem(SIGNS)
  return kept === null ? [] : (JSON.parse(kept) as string[])
}

export function rememberCallSign(sign: string): void {
  const signs = [sign, ...recentCallSigns().filter((one) => one !== sign)].slice(0, MOST)
  device.setItem(SIGNS, JSON.stringify(signs))
}
