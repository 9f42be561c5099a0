/** How the guard words what it says. */
import { quote } from '../../core/shell.ts'
import { excerpt } from '../../core/text.ts'
import { namesSecret, TOKENS } from '../../core/tokens.ts'

const LONGEST = 300

/** An option is shown as it was typed: nobody's first word is one. */
const shown = (word: string): string => (/^[\w@%+=:,./*-]+$/.test(word) ? word : quote(word))

/** A command as it would be typed, its secrets left out: `--token x`, `--token=x`, `TOKEN=x`, and what has the shape of one. */
export const shownCommand = (path: string, args: readonly string[]): string => {
  const words = args.map((word, at) => {
    const arg = TOKENS.reduce((text, [, shape]) => text.replace(shape, '***'), word)
    const [, dashes = '', name, value] = /^(-*)([\w.-]+)=(.*)$/s.exec(arg) ?? []
    if (name !== undefined && value !== undefined && namesSecret(name)) return shown(`${dashes}${name}=***`)
    const before = /^--([\w.-]+)$/.exec(args[at - 1] ?? '')?.[1]
    return before !== undefined && namesSecret(before) && !arg.startsWith('--') ? '***' : shown(arg)
  })
  return excerpt([quote(path), ...words].join(' '), LONGEST)
}

const two = (value: number): string => String(value).padStart(2, '0')

/** Local time with seconds, `02:14:07`; the day before it where it is not today's. */
export const timeOfDay = (at: number, now: number): string => {
  const [then, today] = [new Date(at), new Date(now)]
  const time = `${two(then.getHours())}:${two(then.getMinutes())}:${two(then.getSeconds())}`
  if (then.toDateString() === today.toDateString()) return time
  return `${then.getFullYear()}-${two(then.getMonth() + 1)}-${two(then.getDate())} ${time}`
}

/** What is left of a wait, for a countdown: `4:59`, `1:00:00`. */
export const countdown = (ms: number): string => {
  const seconds = Math.max(0, Math.ceil(ms / 1000))
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60]
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`
}
