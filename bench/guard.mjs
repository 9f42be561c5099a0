// What the guard costs: the time until the gateway's first byte, behind `guard` and behind `run && exec`; and the memory of a
// guard whose gateway is up, beside an idle `node`. Medians, and ratios within one round: only these compare between machines.
// `npm run build && node bench/guard.mjs`; `--rounds 31`.
import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const args = process.argv.slice(2)
const rounds = Number(args[args.indexOf('--rounds') + 1] || 0) || 15
const bin = join(import.meta.dirname, '..', 'dist', 'cli', 'bin.cjs')
const work = mkdtempSync(join(tmpdir(), 'bootcheck-bench-'))

// Node 20 parses NODE_EXTRA_CA_CERTS at every start: with it all ratios look too good.
const { NODE_EXTRA_CA_CERTS: _, NODE_OPTIONS: __, ...inherited } = process.env
const env = { ...inherited, HOME: work, XDG_STATE_HOME: join(work, 'state'), CI: '1', NO_COLOR: '1' }

const median = list => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)]
const since = from => Number(process.hrtime.bigint() - from) / 1e6

const floor = () => {
  const from = process.hrtime.bigint()
  spawnSync(process.execPath, ['-e', '0'], { env, cwd: work })
  return since(from)
}

/** Milliseconds until `up` comes from the gateway, which is the last program to be started. Resolves when all has ended. */
const untilUp = (program, words) =>
  new Promise((resolve, reject) => {
    const from = process.hrtime.bigint()
    const child = spawn(program, words, { env, cwd: work, stdio: ['ignore', 'pipe', 'pipe'] })
    let [ms, text] = [undefined, '']
    child.stdout.on('data', chunk => {
      if (ms === undefined && chunk.includes('up\n')) ms = since(from)
    })
    child.stderr.on('data', chunk => {
      text += chunk
    })
    child.on('close', code => (ms === undefined ? reject(new Error(`exit ${code}, never up:\n${text}`)) : resolve(ms)))
  })

mkdirSync(join(work, 'workspace'))
writeFileSync(
  join(work, 'BOOT.md'),
  '---\nbootcheck: 1\n---\n# Bench\n\n```yaml boot\ncheck: workspace\nid: workspace\npath: workspace\naccess: rwx\n```\n\n```yaml boot\ncheck: port\nid: port\nport: 28799\n```\n',
)

// A new target each time: what it remembers must not grow while it is measured.
let targets = 0
const gateway = ['/bin/echo', 'up']
const ways = [
  { name: 'echo alone', start: () => untilUp(...[gateway[0], gateway.slice(1)]) },
  {
    name: 'run && exec',
    start: () => untilUp('/bin/sh', ['-c', '"$0" "$1" run --quiet && exec echo up', process.execPath, bin]),
  },
  {
    name: 'guard --no-checks',
    start: () =>
      untilUp(process.execPath, [bin, 'guard', '--no-checks', '--target', `t${targets++}`, '--', ...gateway]),
  },
  {
    name: 'guard',
    start: () => untilUp(process.execPath, [bin, 'guard', '--target', `t${targets++}`, '--', ...gateway]),
  },
]

/** Resident and private memory in KiB. */
const memory = pid => {
  if (process.platform !== 'linux')
    return { rss: Number(spawnSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' }).stdout) }
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
  const field = name => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1])
  return { rss: field('Rss'), private: field('Private_Clean') + field('Private_Dirty') }
}

const IDLE_SECONDS = 5
const idle = async words => {
  const child = spawn(process.execPath, words, { env, cwd: work, stdio: ['ignore', 'pipe', 'ignore'] })
  const ended = new Promise(resolve => child.on('exit', resolve))
  await new Promise(resolve => child.stdout.once('data', resolve))
  await new Promise(resolve => setTimeout(resolve, IDLE_SECONDS * 1000))
  const seen = memory(child.pid)
  child.kill('SIGTERM')
  await ended
  return seen
}

try {
  console.log(`Node ${process.version}, ${rounds} rounds, medians; ratio to \`node -e 0\` in the same round\n`)
  for (const { start } of ways) await start() // warm the file cache, and keep the program's compiled code
  const samples = ways.map(() => ({ floor: [], own: [] }))
  for (let round = 0; round < rounds; round++)
    for (const [index, { start }] of ways.entries()) {
      samples[index].floor.push(floor())
      samples[index].own.push(await start())
    }
  for (const [index, { name }] of ways.entries()) {
    const { floor: floors, own } = samples[index]
    const ratio = median(own.map((ms, at) => ms / floors[at]))
    console.log(
      `${ratio.toFixed(2).padStart(6)} x  ${median(own).toFixed(0).padStart(4)} ms until the gateway is up  ${name}`,
    )
  }
  const [run, guard] = ['run && exec', 'guard'].map(name => samples[ways.findIndex(way => way.name === name)])
  const added = guard.own.map((ms, at) => (ms - run.own[at]) / run.floor[at])
  console.log(`\nguard adds ${median(added).toFixed(2)} x a \`node -e 0\` to run`)

  const node = await idle(['-e', 'console.log("up"); setInterval(() => {}, 1e9)'])
  const standing = await idle([bin, 'guard', '--target', 'idle', '--', '/bin/sh', '-c', 'echo up; exec sleep 600'])
  for (const what of Object.keys(node))
    console.log(
      `idle, ${what}: ${(standing[what] / node[what]).toFixed(2)} x an idle node (${standing[what]} of ${node[what]} KiB)`,
    )
} finally {
  rmSync(work, { recursive: true, force: true, maxRetries: 3 })
}
