/** Asking this host. */
import type { BoundedEnd } from '../../core/bounded.ts'
import { firstLine } from '../../core/bounded.ts'
import { elapsed } from '../../core/clock.ts'
import { FileError, stat } from '../../core/files.ts'
import { excerpt } from '../../core/text.ts'
import { askTool } from '../../core/tool.ts'
import { isNobody, type LinuxFacts, parseProperties, sessionOf } from './linux.ts'
import type { MacFacts } from './macos.ts'

export interface Who {
  readonly name: string
  readonly uid: number
  /** This run's own user: the manager is asked, and XDG_RUNTIME_DIR counts. */
  readonly own: boolean
}

export interface Asking {
  /** When all questions must be answered, as `elapsed` counts. */
  readonly until: number
  readonly signal: AbortSignal
  readonly runtimeDir: string | undefined
  /** Where the tools stand; the system's folders by default. */
  readonly folders?: readonly string[]
}

const question = (tool: string, words: readonly string[], { until, signal, folders }: Asking, env = {}) =>
  askTool({ tool, words, env, timeoutMs: until - elapsed(), signal, ...(folders ? { folders } : {}) })

/** What a tool that failed said, in one line. */
const complaint = (tool: string, answer: BoundedEnd | undefined): string => {
  if (!answer) return `${tool} is not on this host`
  if (answer.end.how === 'silent') return `${tool} did not answer`
  if (answer.end.how === 'unstarted') return `${tool} could not be started (${answer.end.code})`
  return `${tool}: ${excerpt(firstLine(answer.stderr) || firstLine(answer.stdout) || 'it failed without a word', 200)}`
}

const ok = (answer: BoundedEnd | undefined): answer is BoundedEnd & { readonly end: { readonly how: 'exit' } } =>
  answer?.end.how === 'exit' && answer.end.code === 0

const runtimeDirSeen = (path: string, uid: number): LinuxFacts['runtimeDir']['seen'] => {
  try {
    const facts = stat(path)
    if (!facts?.isDirectory()) return 'missing'
    return facts.uid === uid ? 'usable' : "somebody else's"
  } catch (error) {
    if (error instanceof FileError) return 'missing'
    throw error
  }
}

export const gatherLinux = async (who: Who, asking: Asking): Promise<LinuxFacts> => {
  const path = `/run/user/${who.uid}`
  const known = {
    system: 'linux',
    user: who.name,
    uid: who.uid,
    sessions: [],
    runtimeDir: {
      path,
      seen: runtimeDirSeen(path, who.uid),
      ...(who.own && asking.runtimeDir !== undefined ? { variable: asking.runtimeDir } : {}),
    },
  } as const
  const answer = await question('loginctl', ['show-user', '--', String(who.uid)], asking)
  if (!ok(answer)) {
    // logind knows of nobody who has neither a session nor lingering: that is an answer, too.
    if (answer?.end.how === 'exit' && isNobody(answer.stderr)) return { ...known, linger: false }
    return { ...known, noLogind: complaint('loginctl', answer) }
  }
  const [user = {}] = parseProperties(answer.stdout)
  const ids = (user.Sessions ?? '').split(' ').filter(id => /^[\w-]+$/.test(id))
  const shown = ids.length > 0 ? await question('loginctl', ['show-session', '--', ...ids], asking) : undefined
  if (ids.length > 0 && !ok(shown)) return { ...known, noLogind: complaint('loginctl', shown) }
  const manager = who.own
    ? await question('systemctl', ['--user', 'is-system-running'], asking, { XDG_RUNTIME_DIR: path })
    : undefined
  return {
    ...known,
    linger: user.Linger === 'yes',
    sessions: parseProperties(shown?.stdout ?? '').map(sessionOf),
    ...(who.own
      ? {
          manager: {
            state: firstLine(manager?.stdout ?? ''),
            error: ok(manager) ? '' : complaint('systemctl', manager),
          },
        }
      : {}),
  }
}

/** Undefined where the host has no launchctl. */
export const gatherMac = async (who: Who, asking: Asking): Promise<MacFacts | undefined> => {
  const answer = await question('launchctl', ['print', `gui/${who.uid}`], asking)
  if (!answer) return undefined
  const manager = await question('launchctl', ['managername'], asking)
  const { end } = answer
  return {
    system: 'macos',
    user: who.name,
    uid: who.uid,
    print: {
      code: end.how === 'exit' ? end.code : -1,
      text: end.how === 'exit' ? `${answer.stdout}\n${answer.stderr}` : complaint('launchctl', answer),
    },
    ...(ok(manager) ? { manager: firstLine(manager.stdout) } : {}),
  }
}
