/**
 * Tells people of a change, beside the work: nothing waits for it but the end of the program, and that not for long. What could
 * not be told yet stands in the outbox, a folder of the state, and is told at the next chance.
 */
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { NeedsChild } from '../core/contain.ts'
import { entries, FileError, readText } from '../core/files.ts'
import { folderName } from '../core/local-store/names.ts'
import { excerpt } from '../core/text.ts'
import { removeOrphans, writeWhole } from './whole-file.ts'

/** One thing to tell. */
interface Letter {
  readonly text: string
  /** ms since the epoch. */
  readonly at: number
}

/** Why a text did not reach anybody, and what to type. */
export interface Unsent {
  readonly why: string
  readonly next?: string
}

export interface Notifier {
  /** Puts it into the outbox and begins to send. False where it could not be kept: then it is not sent either. */
  tell(text: string): boolean
  /** Sends what stands in the outbox, unless it is at it or a failure was not long ago. */
  flush(): void
  /** Resolves when nothing is being sent any more, or after `ms`. */
  settle(ms: number): Promise<void>
}

export interface NotifierOptions {
  readonly stateDir: string
  readonly target: string
  /** Undefined where the text reached somebody. Bounded. Never rejects. */
  send(text: string): Promise<Unsent | undefined>
  /** One line for whoever reads our errors. */
  say(line: string): void
  now(): number
}

/** What nobody wants to hear any more. */
const STALE_MS = 7 * 86_400_000
const MAX_LETTERS = 100
/** After a failure the next chance comes later and later, ms. */
const FIRST_PAUSE_MS = 30_000
const LAST_PAUSE_MS = 30 * 60_000
/** Told late: the time is said too. */
const LATE_MS = 60_000

const isLetter = (value: unknown): value is Letter =>
  typeof value === 'object' &&
  value !== null &&
  'text' in value &&
  typeof value.text === 'string' &&
  'at' in value &&
  typeof value.at === 'number'

const keep = (folder: string, letter: Letter): void => {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const { randomUUID } = process.getBuiltinModule('node:crypto')
  // Names sort by time.
  const name = `${String(letter.at).padStart(15, '0')}-${randomUUID()}.json`
  writeWhole(join(folder, name), JSON.stringify(letter))
}

const lettersIn = (folder: string): string[] => {
  try {
    return entries(folder)
      .map(({ name }) => name)
      .filter(name => name.endsWith('.json'))
      .sort()
  } catch (error) {
    if (error instanceof FileError || error instanceof NeedsChild) return []
    throw error
  }
}

const readLetter = (path: string): Letter | undefined => {
  try {
    const value: unknown = JSON.parse(readText(path, 65_536))
    return isLetter(value) ? value : undefined
  } catch {
    return undefined
  }
}

export const notifierOf = ({ stateDir, target, send, say, now }: NotifierOptions): Notifier => {
  const folder = join(stateDir, 'outbox', folderName(target))
  let sending: Promise<void> | undefined
  let pauseMs = FIRST_PAUSE_MS
  let notBefore = 0

  const remove = (name: string): void => rmSync(join(folder, name), { force: true })

  const sendAll = async (): Promise<void> => {
    removeOrphans(folder)
    // Looked at again after each: one may have been added meanwhile.
    for (let [name] = lettersIn(folder); name !== undefined; [name] = lettersIn(folder)) {
      const letter = readLetter(join(folder, name))
      if (!letter || now() - letter.at > STALE_MS || lettersIn(folder).length > MAX_LETTERS) {
        say(`a notification was dropped: ${letter ? excerpt(letter.text) : `${name} cannot be read`}`)
        remove(name)
        continue
      }
      const late = now() - letter.at > LATE_MS ? ` (of ${new Date(letter.at).toLocaleString('sv-SE')})` : ''
      const problem = await send(`${letter.text}${late}`)
      if (problem !== undefined) {
        const { why, next } = problem
        say(
          `nobody could be told: ${why}; the text is kept for the next chance${next === undefined ? '' : `; next: ${next}`}`,
        )
        notBefore = now() + pauseMs
        pauseMs = Math.min(2 * pauseMs, LAST_PAUSE_MS)
        return
      }
      pauseMs = FIRST_PAUSE_MS
      remove(name)
    }
  }

  const begin = (): void => {
    sending ??= sendAll()
      .catch((error: unknown) => say(`nobody could be told: ${error instanceof Error ? error.message : String(error)}`))
      .finally(() => {
        sending = undefined
      })
  }

  return {
    tell(text) {
      try {
        keep(folder, { text, at: now() })
      } catch (error) {
        say(
          `nobody is told, because it could not be remembered: ${error instanceof Error ? error.message : String(error)}`,
        )
        return false
      }
      begin()
      return true
    },
    flush() {
      if (sending || now() < notBefore || lettersIn(folder).length === 0) return
      begin()
    },
    async settle(ms) {
      if (!sending) return
      let timer: NodeJS.Timeout | undefined
      await Promise.race([
        sending,
        new Promise<void>(resolve => {
          timer = setTimeout(resolve, ms)
        }),
      ])
      clearTimeout(timer)
    },
  }
}
