/** Which checks are being waited for, drawn on a terminal while they run, and gone without a trace when they are done. */
import type { RunnerEvent } from '../../core/runner.ts'
import { visible } from '../../core/text.ts'
import { writeOut } from '../output.ts'
import { type Palette, palette } from '../palette.ts'
import { columns, pad, truncate } from './layout.ts'

export interface Live {
  event(event: RunnerEvent): void
  /** Clears what was drawn, at once. Nothing is drawn after it. */
  stop(): void
}

export interface LiveOptions {
  readonly color: boolean
  readonly unicode: boolean
}

/** Most runs are over before anybody could read a line. */
const PATIENCE_MS = 200
const ROWS = 5
const FRAME_MS = 100
/** A terminal that its user has stopped (Ctrl-S) must not hold the gate: a frame that does not get out is the last one. */
const FRAME_PATIENCE_MS = 50

export interface Waiting {
  readonly id: string
  readonly title: string
  readonly sinceMs: number
}

const elapsed = (ms: number): string => {
  const seconds = ms / 1000
  if (seconds < 60) return `${seconds.toFixed(1)} s`
  return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`
}

/** The lines of one frame, the longest wait first, each shorter than the terminal is wide. */
export const frame = (
  waiting: readonly Waiting[],
  now: number,
  look: { readonly width: number; readonly spinner: string; readonly paint: Palette; readonly ellipsis: string },
): string[] => {
  const { width, spinner, paint, ellipsis } = look
  const shown = waiting.length > ROWS ? waiting.slice(0, ROWS - 1) : waiting
  const times = shown.map(({ sinceMs }) => elapsed(Math.max(0, now - sinceMs)))
  // Spinner and its space, two spaces before the time, and a last column left free, so that nothing wraps.
  const free = width - columns(spinner) - 4 - Math.max(0, ...times.map(time => time.length))
  const ids = Math.max(0, Math.min(free, Math.floor(width / 3), Math.max(0, ...shown.map(({ id }) => id.length))))
  const room = free - ids - 2
  const titles = Math.min(room, Math.max(0, ...shown.map(({ title }) => columns(visible(title)))))
  const lines = shown.map(({ id, title }, at) => {
    const name = pad(truncate(visible(id), ids, ellipsis), ids)
    const said = room >= 10 ? `  ${pad(truncate(visible(title), titles, ellipsis), titles)}` : ''
    return `${paint.cyan(spinner)} ${paint.bold(name)}${said}  ${paint.dim(times[at])}`
  })
  return shown.length < waiting.length ? [...lines, paint.dim(`  and ${waiting.length - shown.length} more`)] : lines
}

const CLEAR = '\r\u001b[J'

/** The cursor stays visible, at the frame's first column: a killed process leaves a terminal that can be used. */
const drawing = (lines: readonly string[]): string =>
  `${CLEAR}${lines.join('\n')}\r${lines.length > 1 ? `\u001b[${lines.length - 1}A` : ''}`

/** `process.stderr`, as far as it is needed. */
type Terminal = Pick<NodeJS.WriteStream, 'isTTY' | 'columns'> & { readonly fd: number }

/**
 * Draws what the runner's events say. Nothing here can fail a run, hold the process or outlive `stop`.
 *
 * listr2 brings the spinner and the list's life; the drawing is ours. Its own renderer measures and writes standard output, buffers
 * what others write, and loads signal-exit, which kills a process whose signal handler was set with `once` before it has reported.
 */
export const liveProgress = (stream: Terminal, { color, unicode }: LiveOptions): Live => {
  const waiting = new Map<string, Waiting>()
  let stopped = !stream.isTTY
  let begun = false
  let timer: NodeJS.Timeout | undefined
  let end = (): void => {}

  const write = (text: string): void => {
    if (!writeOut(stream.fd, text, { timeoutMs: FRAME_PATIENCE_MS }).complete) stopped = true
  }

  const begin = async (): Promise<void> => {
    const { Listr, Spinner } = await import('listr2')
    if (stopped) return
    class Ascii extends Spinner {
      protected override readonly spinner = ['-', '\\', '|', '/']
    }
    const spinner = unicode ? new Spinner() : new Ascii()
    const paint = palette(color)
    const draw = (): void => {
      if (stopped) return
      spinner.spin()
      const look = { width: stream.columns || 80, spinner: spinner.fetch(), paint, ellipsis: unicode ? '…' : '...' }
      write(drawing(frame([...waiting.values()], Date.now(), look)))
    }
    class Renderer {
      static nonTTY = true
      static rendererOptions = {}
      static rendererTaskOptions = {}
      render = (): void => {
        draw()
        timer = setInterval(draw, FRAME_MS).unref()
      }
      end = (): void => {}
    }
    const over = new Promise<void>(resolve => {
      end = () => {
        write(CLEAR)
        resolve()
      }
    })
    const list = new Listr([{ title: 'checks', task: () => over }], {
      renderer: Renderer,
      registerSignalListeners: false,
    })
    await list.run()
  }

  /** Begins once the check that has run longest has run long enough. */
  const watch = (): void => {
    const [oldest] = waiting.values()
    if (stopped || begun || timer || !oldest) return
    const look = (): void => {
      timer = undefined
      const [first] = waiting.values()
      if (!first) return
      if (Date.now() - first.sinceMs < PATIENCE_MS) {
        watch()
        return
      }
      begun = true
      begin().catch(() => {
        stopped = true
      })
    }
    timer = setTimeout(look, Math.max(1, oldest.sinceMs + PATIENCE_MS - Date.now())).unref()
  }

  return {
    event(event) {
      if (event.type === 'start') waiting.set(event.id, { id: event.id, title: event.title, sinceMs: event.at })
      else waiting.delete(event.id)
      watch()
    },
    stop() {
      stopped = true
      clearInterval(timer)
      end()
      end = () => {}
    },
  }
}
