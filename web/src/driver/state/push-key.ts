/** The server's public key in the forms that browsers want and give. */

export function keyBytes(key: string): Uint8Array<ArrayBuffer> {
  const text = atob(key.replaceAll('-', '+').replaceAll('_', '/'))
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0))
}

/** Whether a subscription was made for this key: after a new one on the server it must be made anew. */
export function sameKey(held: ArrayBuffer | null, key: string): boolean {
  if (held === null) return false
  const [a, b] = [new Uint8Array(held), keyBytes(key)]
  return a.length === b.length && a.every((byte, at) => byte === b[at])
}
