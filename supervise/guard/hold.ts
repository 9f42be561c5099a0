/** Waits until something that a failure may hang on has changed. Events of the file system are lost too easily; looking is not. */

import { readdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pause } from '../../core/clock.ts'
import { NeedsChild } from '../../core/contain.ts'
import { mayTouch } from '../../core/mounts.ts'

const LOOK_MS = 500
/** Folders directly below a watched one whose own times are looked at. */
const MAX_INNER = 64
/** A file that changed this often in vain is written by a machine: it does not wake us any more. */
const PATIENCE = 20

const factsOf = (path: string): string => {
  const facts = statSync(path, { bigint: true })
  return `${facts.dev} ${facts.ino} ${facts.size} ${facts.mtimeNs} ${facts.ctimeNs}`
}

/** Of a folder also what changed in those below it: a file that was missing appears there. */
const signature = (path: string): string => {
  try {
    mayTouch(path)
    const own = factsOf(path)
    if (!statSync(path).isDirectory()) return own
    const inner = readdirSync(path, { withFileTypes: true })
      .filter(entry => entry.isDirectory())
      .slice(0, MAX_INNER)
      .map(({ name }) => factsOf(join(path, name)))
    return [own, ...inner].join('\n')
  } catch (error) {
    if (error instanceof NeedsChild) return 'remote' // the growing intervals look after it
    return String((error as NodeJS.ErrnoException).code)
  }
}

export interface Hold {
  /** Resolves when one of the files has changed since the call, when `cleared` says yes, when `intervalMs` are over, or when aborted. */
  change(
    paths: readonly string[],
    intervalMs: number,
    signal: AbortSignal,
    cleared: () => boolean,
  ): Promise<'changed' | 'time'>
}

/** Remembers which files change all the time. `always` are looked at however often they change. */
export const holdOn = (always: readonly string[]): Hold => {
  const inVain = new Map<string, number>()
  return {
    async change(paths, intervalMs, signal, cleared) {
      // A folder too, for a file that is not there yet.
      const all = new Set([...always, ...paths, ...paths.map(path => dirname(path))])
      const watched = [...all].filter(path => always.includes(path) || (inVain.get(path) ?? 0) < PATIENCE)
      const before = new Map(watched.map(path => [path, signature(path)]))
      const until = performance.now() + intervalMs
      while (!signal.aborted) {
        const left = until - performance.now()
        if (left <= 0) return 'time'
        await pause(Math.min(LOOK_MS, left), signal)
        const changed = watched.filter(path => before.get(path) !== signature(path))
        for (const path of changed) inVain.set(path, (inVain.get(path) ?? 0) + 1)
        if (changed.length > 0 || cleared()) return 'changed'
      }
      return 'time'
    },
  }
}
