// What a start costs, as ratios to `node -e 0`, measured side by side in one run: this and no other figure is comparable
// between machines. `npm run bench`; `npm run bench -- --rounds 31`; `--heavy` adds a million temporary files.
import { spawnSync } from 'node:child_process'
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const args = process.argv.slice(2)
const rounds = Number(args[args.indexOf('--rounds') + 1] || 0) || 15
const heavy = args.includes('--heavy')
const bin = join(import.meta.dirname, '..', 'dist', 'cli', 'bin.cjs')
const work = mkdtempSync(join(tmpdir(), 'bootcheck-bench-'))

// Node 20 parses NODE_EXTRA_CA_CERTS at every start: with it all ratios look three times too good.
const { NODE_EXTRA_CA_CERTS: _, NODE_OPTIONS: __, NODE_DISABLE_COMPILE_CACHE: ___, ...inherited } = process.env
const env = { ...inherited, HOME: work, XDG_STATE_HOME: join(work, 'state'), CI: '1', NO_COLOR: '1' }

const run = (argv, expected, more = {}) => {
  const from = process.hrtime.bigint()
  const { status, stdout } = spawnSync(process.execPath, argv, {
    env: { ...env, ...more },
    cwd: work,
    encoding: 'utf8',
  })
  const ms = Number(process.hrtime.bigint() - from) / 1e6
  if (status !== expected) throw new Error(`exit ${status} instead of ${expected}: ${argv.join(' ')}\n${stdout}`)
  return ms
}

const peakHook = join(work, 'peak.cjs')
writeFileSync(
  peakHook,
  `process.on('exit', () => { if (process.env.PEAK) require('node:fs').appendFileSync(process.env.PEAK, process.resourceUsage().maxRSS + '\\n') })`,
)
/** Peak memory in KiB of the process itself. */
const peak = (argv, expected) => {
  const file = join(work, 'peak')
  rmSync(file, { force: true })
  run(['--require', peakHook, ...argv], expected, { PEAK: file })
  return Number(readFileSync(file, 'utf8').split('\n')[0])
}

const median = list => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)]

// The host: six local checks of a healthy small gateway, bound as in BOOT.example.md. Without `host` both loopbacks are tried,
// and Node 20 compiles its regular expression of IPv6 addresses at the first of them: some 8 ms more.
const lay = (path, text) => {
  mkdirSync(join(work, path, '..'), { recursive: true })
  writeFileSync(join(work, path), text)
}
mkdirSync(join(work, 'workspace'))
mkdirSync(join(work, 'sessions'))
lay('plugins/a/package.json', '{"name":"a","type":"module","main":"index.js"}')
lay('plugins/a/index.js', "import './lib.js'\n")
lay('plugins/a/lib.js', 'export {}\n')
lay(
  'cron/jobs.json',
  '{"version":1,"jobs":[{"id":"n","name":"nightly","schedule":{"kind":"cron","expr":"0 3 * * *"}}]}',
)
const block = body => `\n### ${body.split('\n')[1]}\n\n\`\`\`yaml boot\n${body}\n\`\`\`\n`
const manifest = blocks => `---\nbootcheck: 1\nchecks: ${blocks.length}\n---\n# Bench\n${blocks.map(block).join('')}`
lay(
  'BOOT.md',
  manifest([
    'check: port\nid: gateway-port\nport: 28799\nhost: 127.0.0.1',
    'check: workspace\nid: workspace\npath: workspace\naccess: rwx',
    'check: plugin-hooks\nid: plugins\ndirs: [plugins/*]',
    'check: cron\nid: cron\nfiles: [cron/jobs.json]',
    'check: tmp-files\nid: temp-files\npaths: ["sessions/*.tmp"]',
    'check: workspace\nid: sessions\npath: sessions',
  ]),
)
lay(
  'many.md',
  manifest(Array.from({ length: 1000 }, (_, i) => `check: workspace\nid: w${i}\npath: workspace\naccess: r`)),
)

const floor = ['-e', '0']
const cases = [
  { name: '--version', argv: [bin, '--version'], exit: 0, target: 1.1 },
  {
    name: 'six local checks, plain, manifest seen for the first time',
    argv: [bin, 'run', 'BOOT.md'],
    exit: 0,
    target: 3.3,
  },
  {
    name: 'the same, right after an install: no compiled code kept',
    argv: [bin, 'run', 'BOOT.md'],
    exit: 0,
    more: { NODE_DISABLE_COMPILE_CACHE: '1' },
  },
  { name: 'lint of the same', argv: [bin, 'lint', 'BOOT.md'], exit: 0 },
  { name: '1,000 local checks', argv: [bin, 'run', 'many.md'], exit: 0 },
]
if (heavy) {
  const folder = join(work, 'million')
  mkdirSync(folder)
  for (let i = 0; i < 1_000_000; i++)
    closeSync(openSync(join(folder, `sessions.json.${1000 + (i % 9000)}.${i.toString(16).padStart(8, '0')}.tmp`), 'w'))
  lay('million.md', manifest(['check: tmp-files\nid: temp-files\npaths: ["million/*.tmp"]']))
  cases.push({
    name: 'a million temporary files, verdict fail',
    argv: [bin, 'run', 'million.md'],
    exit: 1,
    target: 1.5,
  })
}

try {
  console.log(`Node ${process.version}, ${rounds} rounds, medians; ratio to \`node -e 0\` in the same round\n`)
  for (const { argv, exit, more } of cases) run(argv, exit, more) // warm the file cache, and keep the program's compiled code
  const samples = cases.map(() => ({ floor: [], own: [] }))
  for (let round = 0; round < rounds; round++)
    for (const [index, { argv, exit, more }] of cases.entries()) {
      samples[index].floor.push(run(floor, 0))
      samples[index].own.push(run(argv, exit, more))
    }
  const base = peak(floor, 0)
  for (const [index, { name, argv, exit, target }] of cases.entries()) {
    const { floor: floors, own } = samples[index]
    const ratio = median(own.map((ms, at) => ms / floors[at]))
    const memory = argv.length === 2 && argv[1] === '--version' ? 1 : peak(argv, exit) / base
    console.log(
      `${ratio.toFixed(2).padStart(6)} x${target ? ` (target ${target})` : ''}  ${median(own).toFixed(0)} ms, memory ${memory.toFixed(2)} x  ${name}`,
    )
  }
} finally {
  rmSync(work, { recursive: true, force: true })
}
