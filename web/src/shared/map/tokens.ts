/** Design tokens and fonts as the map needs them. */

/** MapLibre draws text from the page's own fonts when a style names no glyphs; both are the bundled Inter. */
export const PLAIN = ['Inter Variable']
export const STRONG = ['Inter Map Semibold']

/** The value of a design token in the present theme. */
export function token(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim()
}

/** Wait for the fonts: what is drawn before stays in the letters of another font. */
export async function loadFonts(): Promise<void> {
  await Promise.all([document.fonts.load(`400 16px "${PLAIN[0]}"`), document.fonts.load(`600 16px "${STRONG[0]}"`)])
}
