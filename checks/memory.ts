/** Memory for the gateway, before it starts: of the host, of its control group, of its own limits. */
import { type CheckContext, defineCheck, type Verdict } from '../core/check.ts'
import { contradictory } from '../core/contradiction.ts'
import { listProcesses } from '../core/process-list.ts'
import { bytes, excerpt } from '../core/text.ts'
import { SIZE_PATTERN, size } from '../core/units.ts'
import { heaviest, judge } from './memory/judge.ts'
import { type Gathered, gatherLinux } from './memory/linux.ts'

const gather = async (swap: boolean): Promise<Gathered> => {
  if (process.platform === 'linux') return gatherLinux('', swap)
  if (process.platform === 'darwin') return (await import('./memory/macos.ts')).gatherMacos(swap)
  return { sources: [], problems: [] }
}

/** `node (pid 4711) 1.2 GiB` */
const users = async (ctx: CheckContext): Promise<string[]> =>
  heaviest((await listProcesses(ctx.signal))?.processes ?? []).map(
    ({ name, pid, rssBytes }) => `${excerpt(ctx.mask(name), 40)} (pid ${pid}) ${bytes(rssBytes)}`,
  )

/** Needing nothing is true everywhere. */
const contradiction = ({ free }: { readonly free?: unknown }): string | undefined =>
  typeof free === 'string' && size(free) === 0 ? `free: ${free} is true of every host` : undefined

export const memory = defineCheck({
  kind: 'memory',
  title: 'There is memory for the gateway',
  docs: `Proves that \`free\`, and \`headroom\` on top of it, are available for a new process. Several things may bound it, and the smallest decides and is
named:

- the host: \`MemAvailable\` on Linux, which counts what can be reclaimed; free, speculative and inactive pages on macOS;
- the control group that the check runs in, and each above it (cgroup v2 \`memory.max\` and \`memory.high\`, v1 \`memory.limit_in_bytes\`): the
  limit without what is used, inactive file pages not counted as used;
- the limits of the process: \`ulimit -v\` and \`ulimit -d\`.

\`swap: true\` counts free swap as well, as far as the group may use it. A failure names the five processes that use most.

**Why it matters.** During a deploy the old container and the new one ran side by side on 2 GB. The kernel killed one of them, its supervisor
started it again, and that one killed the other.

**What it cannot see.** What the gateway will need: measure it once, and declare that. Memory that somebody takes a moment later. Started by hand, the group is that
of your shell and not the service's: run it as the service does (ExecStartPre, prestart). Limits of groups above a container, which it cannot
read. Pressure: a host may have memory and still be thrashing.`,
  options: {
    type: 'object',
    additionalProperties: false,
    required: ['free'],
    properties: {
      free: { type: 'string', format: 'size', pattern: SIZE_PATTERN, description: 'What the gateway needs' },
      headroom: {
        type: 'string',
        format: 'size',
        pattern: SIZE_PATTERN,
        default: '0B',
        description: 'What must be left beside that',
      },
      swap: { type: 'boolean', default: false, description: 'Free swap counts as memory' },
    },
  },
  codes: {
    enough: 'as much as needed is available',
    low: 'less is available than needed, because others use it',
    'too-small': 'the host or a limit is smaller than what is needed, whatever else runs',
    unknown: 'the memory, or a limit, could not be read',
    contradiction: 'the options ask for nothing',
  },
  examples: [
    {
      title: 'A small gateway',
      options: { free: '16MiB', headroom: '4MiB' },
      expect: { status: 'pass', code: 'memory/enough' },
    },
    {
      title: 'More than there is on any host',
      options: { free: '900000GiB' },
      expect: { status: 'fail', code: 'memory/too-small' },
    },
  ],
  conflict: contradiction,
  async run(options, ctx): Promise<Verdict> {
    const wrong = contradiction(options)
    if (wrong !== undefined) return contradictory('memory', wrong, 'what the gateway needs')
    const gathered = await gather(options.swap)
    const need = { free: size(options.free) ?? 0, headroom: size(options.headroom) ?? 0 }
    const verdict = judge(gathered, need, [])
    return verdict.status === 'pass' ? verdict : judge(gathered, need, await users(ctx))
  },
})
