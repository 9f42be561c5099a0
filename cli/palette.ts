/** Colours for text. Loading picocolors touches `process.stdout` (6 ms), so this file is loaded only by what is about to paint. */
import pc from 'picocolors'

export type Palette = ReturnType<typeof pc.createColors>

export const palette = (enabled: boolean): Palette => pc.createColors(enabled)
