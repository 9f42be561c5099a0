// A gateway that crashes at once, under real supervisors, for as many seconds each: how often it is started without a guard,
// with the guard as docs/supervisors.md wires it, and with the guard below a supervisor that restarts whatever the exit code.
// `npm run build && test/supervisors/fetch.sh && node bench/supervisors.mjs`; `--seconds 60`. As root systemd too.
import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { unrun } from 'unrun'

const at = process.argv.indexOf('--seconds')
const seconds = at < 0 ? 20 : Number(process.argv[at + 1])
const { lay, linesOf, start, SUPERVISORS, systemd } = (
  await unrun({ path: join(import.meta.dirname, '../test/supervisors/life.ts') })
).module

/** The default one, a hundred times as fast: 4-6 wait 0.3 s, 7-9 wait 3 s, 10 refuse. */
const ladder = {
  steps: [
    { after: 4, wait: '300ms' },
    { after: 7, wait: '3s' },
  ],
  refuse: 10,
}
const WIRINGS = ['without', 'documented', 'bare']
const supervisors = [...SUPERVISORS, ...(process.getuid() === 0 ? [systemd] : [])]
const work = realpathSync(mkdtempSync(join(tmpdir(), 'bootcheck-supervisors-')))

const live = async (supervisor, wiring) => {
  const folder = join(work, `${supervisor.name}-${wiring}`)
  const service = { folder, wiring }
  lay(service, 'broken', ladder)
  const running = start(supervisor, service)
  try {
    await new Promise(resolve => setTimeout(resolve, seconds * 1000))
  } finally {
    await running.stop()
  }
  const count = name => linesOf(join(folder, name)).length
  return { starts: count('starts'), guards: count('guards'), code: linesOf(join(folder, 'codes')).at(-1) ?? '' }
}

try {
  console.log(`A gateway that crashes at once, for ${seconds} s; the ladder refuses after ${ladder.refuse} crashes\n`)
  console.log('                starts of the gateway                       starts of the guard')
  console.log('supervisor      without  as documented  restarts any code   as documented  any code   last exit code')
  for (const supervisor of supervisors) {
    const [without, documented, bare] = await Promise.all(WIRINGS.map(wiring => live(supervisor, wiring)))
    const columns = [without.starts, documented.starts, bare.starts, documented.guards, bare.guards, documented.code]
    const widths = [7, 13, 17, 15, 8, 14]
    console.log(
      `${supervisor.name.padEnd(14)}  ${columns.map((value, index) => String(value).padStart(widths[index])).join('  ')}`,
    )
  }
} finally {
  rmSync(work, { recursive: true, force: true, maxRetries: 3 })
}
