/** A gate that watched nothing must not look green: every kind, in front of every way in which there may be nothing to see. */
import { chmodSync, symlinkSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { bootcheck, lay, manifest, reportOf } from '../support/bin.ts'
import { nodeChild } from '../support/children.ts'
import { scratch } from '../support/context.ts'
import { give, UNPRIVILEGED } from '../support/unprivileged.ts'

/** What there is at `place`. */
const SITUATIONS = ['missing', 'empty', 'dotfiles only', 'no match', 'unreadable', 'dangling link'] as const
type Situation = (typeof SITUATIONS)[number]

interface Way {
  /** A check that looks at `place`, or at something in it. */
  readonly body: string
  /** What would be good there: it stands behind the closed door of `unreadable`. */
  readonly sound?: Readonly<Record<string, string>>
  /** What is there, and is not what is looked for. */
  readonly other?: Readonly<Record<string, string>>
  /** Status and code. */
  readonly answers: Readonly<Record<Situation, string>>
}

const PLUGIN = { 'place/greeter/index.js': 'export default 1\n' }
const JOBS = { 'place/jobs.json': '{"jobs": [{"id": "nightly", "schedule": "0 3 * * *"}]}\n' }

const WAYS: readonly Way[] = [
  {
    body: 'check: port\nsocket: place/gateway.sock\nexpect: free',
    answers: {
      missing: 'fail port/no-folder',
      // A folder in which the gateway can make its socket: that is what was asked.
      empty: 'pass port/free',
      'dotfiles only': 'pass port/free',
      'no match': 'pass port/free',
      unreadable: 'fail port/denied',
      'dangling link': 'fail port/no-folder',
    },
  },
  {
    body: 'check: port\nsocket: place/gateway.sock\nexpect: open',
    answers: {
      missing: 'fail port/missing',
      empty: 'fail port/missing',
      'dotfiles only': 'fail port/missing',
      'no match': 'fail port/missing',
      unreadable: 'fail port/denied',
      'dangling link': 'fail port/missing',
    },
  },
  {
    body: 'check: workspace\npath: place',
    answers: {
      missing: 'fail workspace/missing',
      // The folder itself was asked for, and it was written to.
      empty: 'pass workspace/usable',
      'dotfiles only': 'pass workspace/usable',
      'no match': 'pass workspace/usable',
      unreadable: 'fail workspace/not-readable',
      'dangling link': 'fail workspace/dangling-link',
    },
  },
  {
    body: 'check: workspace\npath: "place/*"\naccess: r',
    sound: { 'place/main/NOTES.md': '' },
    answers: {
      missing: 'fail workspace/missing',
      empty: 'fail workspace/missing',
      'dotfiles only': 'fail workspace/missing',
      'no match': 'fail workspace/missing',
      unreadable: 'fail workspace/parent-closed',
      'dangling link': 'fail workspace/dangling-link',
    },
  },
  {
    body: 'check: plugin-hooks\ndirs: ["place/*"]',
    sound: PLUGIN,
    answers: {
      missing: 'fail plugin-hooks/nothing-here',
      empty: 'fail plugin-hooks/nothing-here',
      'dotfiles only': 'fail plugin-hooks/nothing-here',
      'no match': 'fail plugin-hooks/nothing-here',
      unreadable: 'fail plugin-hooks/unreadable',
      'dangling link': 'fail plugin-hooks/path-missing',
    },
  },
  {
    body: 'check: plugin-hooks\ndirs: [place]',
    sound: { 'place/index.js': 'export default 1\n' },
    answers: {
      missing: 'fail plugin-hooks/nothing-here',
      empty: 'fail plugin-hooks/nothing-here',
      'dotfiles only': 'fail plugin-hooks/nothing-here',
      'no match': 'fail plugin-hooks/nothing-here',
      unreadable: 'fail plugin-hooks/unreadable',
      'dangling link': 'fail plugin-hooks/path-missing',
    },
  },
  {
    body: 'check: plugin-hooks\nfrom: [{file: place/gateway.json, pointer: /plugins/*/path}]',
    sound: { ...PLUGIN, 'place/gateway.json': '{"plugins": [{"path": "greeter"}]}' },
    other: { 'place/gateway.json': '{"plugins": [], "hooks": [{"path": "greeter"}]}' },
    answers: {
      missing: 'fail plugin-hooks/config-missing',
      empty: 'fail plugin-hooks/config-missing',
      'dotfiles only': 'fail plugin-hooks/config-missing',
      'no match': 'fail plugin-hooks/nothing-here',
      unreadable: 'fail plugin-hooks/unreadable',
      'dangling link': 'fail plugin-hooks/config-missing',
    },
  },
  {
    body: 'check: plugin-hooks\npreset: openclaw\nstate: place',
    sound: { 'place/openclaw.json': '{}' },
    other: { 'place/openclaw.json': '{}', 'place/extensions/README.txt': '', 'place/hooks/README.txt': '' },
    answers: {
      missing: 'fail plugin-hooks/config-missing',
      empty: 'fail plugin-hooks/config-missing',
      'dotfiles only': 'fail plugin-hooks/config-missing',
      'no match': 'fail plugin-hooks/too-few',
      unreadable: 'fail plugin-hooks/unreadable',
      'dangling link': 'fail plugin-hooks/config-missing',
    },
  },
  {
    body: 'check: json\nfile: place/gateway.json\nvalues: {/insecure: {absent: true}}',
    sound: { 'place/gateway.json': '{"mode": "local"}' },
    other: { 'place/gateway.json': '' },
    answers: {
      missing: 'fail json/missing-file',
      empty: 'fail json/missing-file',
      'dotfiles only': 'fail json/missing-file',
      'no match': 'fail json/empty',
      unreadable: 'fail json/unreadable',
      'dangling link': 'fail json/missing-file',
    },
  },
  {
    body: 'check: json\nfile: place/gateway.json\nvalues: {/plugins/*/path: {type: string}}',
    sound: { 'place/gateway.json': '{"plugins": [{"path": "a"}]}' },
    other: { 'place/gateway.json': '{"plugins": []}' },
    answers: {
      missing: 'fail json/missing-file',
      empty: 'fail json/missing-file',
      'dotfiles only': 'fail json/missing-file',
      'no match': 'fail json/missing',
      unreadable: 'fail json/unreadable',
      'dangling link': 'fail json/missing-file',
    },
  },
  {
    body: 'check: sqlite\npath: place/state.sqlite',
    sound: { 'place/state.sqlite': 'SQLite format 3\0' },
    other: { 'place/state.sqlite': '' },
    answers: {
      missing: 'fail sqlite/missing',
      empty: 'fail sqlite/missing',
      'dotfiles only': 'fail sqlite/missing',
      'no match': 'fail sqlite/empty',
      unreadable: 'fail sqlite/unreadable',
      'dangling link': 'fail sqlite/missing',
    },
  },
  {
    body: 'check: path\npath: place\ntype: folder',
    answers: {
      missing: 'fail path/missing',
      // The folder itself was asked for, and is there.
      empty: 'pass path/as-wanted',
      'dotfiles only': 'pass path/as-wanted',
      'no match': 'pass path/as-wanted',
      unreadable: 'pass path/as-wanted',
      'dangling link': 'fail path/dangling-link',
    },
  },
  {
    body: 'check: path\npath: place/state.json\nlacks: [panic]',
    sound: { 'place/state.json': '{}' },
    other: { 'place/state.json': '' },
    answers: {
      missing: 'fail path/missing',
      empty: 'fail path/missing',
      'dotfiles only': 'fail path/missing',
      'no match': 'fail path/empty',
      unreadable: 'fail path/parent-closed',
      'dangling link': 'fail path/dangling-link',
    },
  },
  {
    body: 'check: path\npath: place/gateway.lock\nabsent: true',
    answers: {
      // Its folder may come into being; the one above that is there.
      missing: 'pass path/absent',
      empty: 'pass path/absent',
      'dotfiles only': 'pass path/absent',
      'no match': 'pass path/absent',
      unreadable: 'fail path/parent-closed',
      'dangling link': 'fail path/dangling-link',
    },
  },
  {
    body: 'check: cron\nfiles: ["place/*.json"]',
    sound: JOBS,
    answers: {
      missing: 'fail cron/missing',
      empty: 'fail cron/no-match',
      'dotfiles only': 'fail cron/no-match',
      'no match': 'fail cron/no-match',
      unreadable: 'fail cron/unreadable',
      'dangling link': 'fail cron/missing',
    },
  },
  {
    body: 'check: cron\nfiles: ["place/**"]',
    sound: JOBS,
    answers: {
      missing: 'fail cron/missing',
      empty: 'fail cron/no-match',
      // Dotfiles match, and are no job files.
      'dotfiles only': 'fail cron/syntax',
      'no match': 'fail cron/syntax',
      unreadable: 'fail cron/unreadable',
      'dangling link': 'fail cron/missing',
    },
  },
  {
    body: 'check: cron\nfiles: [place/jobs.json]\nrefs: [/jobs/*/script]',
    sound: JOBS,
    other: JOBS,
    answers: {
      missing: 'fail cron/missing',
      empty: 'fail cron/missing',
      'dotfiles only': 'fail cron/missing',
      'no match': 'fail cron/ref-nowhere',
      unreadable: 'fail cron/unreadable',
      'dangling link': 'fail cron/missing',
    },
  },
  {
    body: 'check: cron\npreset: openclaw\nstate: place',
    sound: { 'place/cron/jobs.json': '{"version": 1, "jobs": []}' },
    answers: {
      missing: 'fail cron/nothing',
      empty: 'fail cron/nothing',
      'dotfiles only': 'fail cron/nothing',
      'no match': 'fail cron/nothing',
      unreadable: 'fail cron/unreadable',
      'dangling link': 'fail cron/nothing',
    },
  },
  {
    body: 'check: tmp-files\npaths: ["place/*.tmp"]',
    answers: {
      // It may come into being; the folder above it is there, and is named.
      missing: 'pass tmp-files/absent',
      // No match in a folder that was read is what one hopes for.
      empty: 'pass tmp-files/few',
      'dotfiles only': 'pass tmp-files/few',
      'no match': 'pass tmp-files/few',
      unreadable: 'fail tmp-files/unreadable',
      'dangling link': 'fail tmp-files/missing',
    },
  },
  {
    body: 'check: tmp-files\npaths: ["place/sessions/*.tmp"]',
    sound: { 'place/sessions/': '' },
    answers: {
      missing: 'fail tmp-files/missing',
      empty: 'pass tmp-files/absent',
      'dotfiles only': 'pass tmp-files/absent',
      'no match': 'pass tmp-files/absent',
      unreadable: 'fail tmp-files/unreadable',
      'dangling link': 'fail tmp-files/missing',
    },
  },
  {
    body: 'check: tmp-files\npaths: ["place/*/sessions/**/*.tmp"]',
    sound: { 'place/main/sessions/': '' },
    answers: {
      missing: 'pass tmp-files/absent',
      empty: 'pass tmp-files/few',
      'dotfiles only': 'pass tmp-files/few',
      'no match': 'pass tmp-files/few',
      unreadable: 'fail tmp-files/unreadable',
      'dangling link': 'fail tmp-files/missing',
    },
  },
  {
    body: 'check: log-signals\nfiles: ["place/*.log"]',
    sound: { 'place/gateway.log': 'fine\n' },
    answers: {
      missing: 'fail log-signals/missing',
      empty: 'fail log-signals/missing',
      'dotfiles only': 'fail log-signals/missing',
      'no match': 'fail log-signals/missing',
      unreadable: 'fail log-signals/unreadable',
      'dangling link': 'fail log-signals/missing',
    },
  },
  {
    body: 'check: env\nfiles: [place/.env]',
    sound: { 'place/.env': 'A=1\n' },
    answers: {
      missing: 'fail env/file-missing',
      empty: 'fail env/file-missing',
      'dotfiles only': 'fail env/file-missing',
      'no match': 'fail env/file-missing',
      unreadable: 'fail env/file-unreadable',
      'dangling link': 'fail env/file-missing',
    },
  },
  {
    // PATH is set: that must not hide a service that is not there.
    body: 'check: env\nvars: [PATH]\nservice: place/gateway.service',
    sound: { 'place/gateway.service': '[Service]\nEnvironment=PATH=/usr/bin\n' },
    answers: {
      missing: 'fail env/service-unreadable',
      empty: 'fail env/service-unreadable',
      'dotfiles only': 'fail env/service-unreadable',
      'no match': 'fail env/service-unreadable',
      unreadable: 'fail env/service-unreadable',
      'dangling link': 'fail env/service-unreadable',
    },
  },
  {
    body: 'check: queue\nclaims: "place/*.claim.json"',
    sound: { 'place/job-7.claim.json': '{"id": "job-7"}\n' },
    answers: {
      missing: 'fail queue/missing',
      empty: 'fail queue/too-few',
      'dotfiles only': 'fail queue/too-few',
      'no match': 'fail queue/too-few',
      unreadable: 'fail queue/unreadable',
      'dangling link': 'fail queue/unreadable',
    },
  },
  {
    body: 'check: gui-session\noutput: place/session.txt',
    sound: { 'place/session.txt': 'gui/501 = {\n}\n' },
    other: { 'place/session.txt': 'user/501 = {\n}\n' },
    answers: {
      missing: 'fail gui-session/unreadable',
      empty: 'fail gui-session/unreadable',
      'dotfiles only': 'fail gui-session/unreadable',
      'no match': 'fail gui-session/unknown-output',
      unreadable: 'fail gui-session/unreadable',
      'dangling link': 'fail gui-session/unreadable',
    },
  },
  {
    body: 'check: interpreter\nfrom: place/gateway.service',
    sound: { 'place/gateway.service': '[Service]\nExecStart=/opt/gateway/start\n' },
    answers: {
      missing: 'fail interpreter/unreadable',
      empty: 'fail interpreter/unreadable',
      'dotfiles only': 'fail interpreter/unreadable',
      'no match': 'fail interpreter/unreadable',
      unreadable: 'fail interpreter/unreadable',
      'dangling link': 'fail interpreter/unreadable',
    },
  },
  {
    body: 'check: command\nrun: [place/check.sh]',
    sound: { 'place/check.sh': '#!/bin/sh\n' },
    answers: {
      missing: 'fail command/not-found',
      empty: 'fail command/not-found',
      'dotfiles only': 'fail command/not-found',
      'no match': 'fail command/not-found',
      unreadable: 'fail command/not-started',
      'dangling link': 'fail command/not-found',
    },
  },
  {
    body: 'check: process\npid-file: place/gateway.pid\nexpect: 1',
    sound: { 'place/gateway.pid': '1\n' },
    answers: {
      missing: 'fail process/too-few',
      empty: 'fail process/too-few',
      'dotfiles only': 'fail process/too-few',
      'no match': 'fail process/too-few',
      unreadable: 'fail process/unreadable',
      'dangling link': 'fail process/unreadable',
    },
  },
  {
    body: 'check: process\nlock: place/gateway.lock',
    sound: { 'place/gateway.lock': '1\n' },
    answers: {
      // Without the file nobody holds it: that is what is wanted before a start.
      missing: 'pass process/as-wanted',
      empty: 'pass process/as-wanted',
      'dotfiles only': 'pass process/as-wanted',
      'no match': 'pass process/as-wanted',
      unreadable: 'fail process/unreadable',
      'dangling link': 'fail process/unreadable',
    },
  },
  {
    body: 'check: json\npreset: openclaw\nstate: place',
    sound: { 'place/openclaw.json': '{gateway: {mode: "local"}}' },
    other: { 'place/openclaw.json': '{}' },
    answers: {
      missing: 'fail json/missing-file',
      empty: 'fail json/missing-file',
      'dotfiles only': 'fail json/missing-file',
      'no match': 'fail json/missing',
      unreadable: 'fail json/unreadable',
      'dangling link': 'fail json/missing-file',
    },
  },
  {
    body: 'check: env\npreset: openclaw\nstate: place',
    sound: { 'place/openclaw.json': '{gateway: {mode: "local"}}' },
    other: { 'place/openclaw.json': '{gateway: {auth: {token: "${NOBODY_SETS_THIS}"}}}' },
    answers: {
      missing: 'fail env/config-unreadable',
      empty: 'fail env/config-unreadable',
      'dotfiles only': 'fail env/config-unreadable',
      'no match': 'fail env/missing',
      unreadable: 'fail env/config-unreadable',
      'dangling link': 'fail env/config-unreadable',
    },
  },
  {
    body: 'check: process\npreset: openclaw\nstate: place',
    sound: { 'place/openclaw.json': '{}' },
    answers: {
      missing: 'fail process/missing',
      // A state folder without a lock is one that a gateway can take.
      empty: 'pass process/as-wanted',
      'dotfiles only': 'pass process/as-wanted',
      'no match': 'pass process/as-wanted',
      unreadable: 'fail process/unreadable',
      'dangling link': 'fail process/missing',
    },
  },
  {
    body: 'check: supervisor\nfile: place/gateway.service',
    sound: { 'place/gateway.service': '[Service]\nExecStart=/opt/gateway/start\n' },
    other: { 'place/gateway.service': '[Unit]\nDescription=nothing\n' },
    answers: {
      missing: 'fail supervisor/unreadable',
      empty: 'fail supervisor/unreadable',
      'dotfiles only': 'fail supervisor/unreadable',
      'no match': 'fail supervisor/nothing-here',
      unreadable: 'fail supervisor/unreadable',
      'dangling link': 'fail supervisor/unreadable',
    },
  },
  {
    body: 'check: supervisor\nfile: place\nkind: runit',
    sound: { 'place/run': '#!/bin/sh\nexec bootcheck guard --hold -- gateway\n' },
    other: { 'place/finish': '#!/bin/sh\n' },
    answers: {
      missing: 'fail supervisor/unreadable',
      empty: 'fail supervisor/unreadable',
      'dotfiles only': 'fail supervisor/unreadable',
      'no match': 'fail supervisor/unreadable',
      unreadable: 'fail supervisor/unreadable',
      'dangling link': 'fail supervisor/unreadable',
    },
  },
  {
    body: 'check: supervisor\nfile: place/gateway.conf\nkind: supervisord',
    sound: { 'place/gateway.conf': '[program:gateway]\ncommand=/usr/bin/bootcheck guard --hold -- gateway\n' },
    other: { 'place/gateway.conf': '[include]\nfiles = /etc/supervisor/conf.d/*.conf\n' },
    answers: {
      missing: 'fail supervisor/unreadable',
      empty: 'fail supervisor/unreadable',
      'dotfiles only': 'fail supervisor/unreadable',
      'no match': 'fail supervisor/nothing-here',
      unreadable: 'fail supervisor/unreadable',
      'dangling link': 'fail supervisor/unreadable',
    },
  },
  {
    body: 'check: breaker\nlegacy: place',
    sound: { 'place/codex-grok-crash-counter.txt': '0\n' },
    answers: {
      missing: 'fail breaker/missing',
      empty: 'warn breaker/nothing',
      'dotfiles only': 'warn breaker/nothing',
      'no match': 'warn breaker/nothing',
      unreadable: 'fail breaker/unreadable',
      'dangling link': 'fail breaker/unreadable',
    },
  },
]

const DOTFILES = { 'place/.DS_Store': 'x', 'place/.keep': '', 'place/.git/HEAD': 'ref: refs/heads/main\n' }
const OTHER = { 'place/README.txt': 'Nothing of the sort.\n' }

const arrange = (folder: string, situation: Situation, { sound = {}, other = OTHER }: Way): void => {
  switch (situation) {
    case 'missing':
      break
    case 'empty':
      lay(folder, { 'place/': '' })
      break
    case 'dotfiles only':
      lay(folder, DOTFILES)
      break
    case 'no match':
      lay(folder, other)
      break
    case 'unreadable':
      lay(folder, { 'place/': '', ...sound })
      break
    case 'dangling link':
      symlinkSync(join(folder, 'gone'), join(folder, 'place'))
      break
    default:
      situation satisfies never
  }
}

const title = ({ body }: Way): string => body.replaceAll('\n', ' ').replace('check: ', '')

/** A run by a user without rights: one check for each way, each with a folder of its own. */
const answers = async (situation: Situation) => {
  const cwd = scratch()
  for (const [index, way] of WAYS.entries()) {
    lay(cwd, { [`w${index}/`]: '' })
    arrange(join(cwd, `w${index}`), situation, way)
  }
  lay(cwd, {
    'BOOT.md': manifest(...WAYS.map(({ body }, index) => `${body.replace('place', `w${index}/place`)}\nid: w${index}`)),
  })
  give(cwd)
  if (situation === 'unreadable') for (const index of WAYS.keys()) chmodSync(join(cwd, `w${index}/place`), 0)
  const ended = await bootcheck(['run', '--format', 'json'], { cwd, through: UNPRIVILEGED })
  expect(ended).toMatchObject({ code: 1, stderr: '' })
  const { checks } = reportOf(ended)
  expect(checks.map(({ id }) => id)).toEqual([...WAYS.keys()].map(index => `w${index}`))
  return checks
}

describe('what is looked at in a folder', () => {
  it.each(SITUATIONS)('%s', async situation => {
    const checks = await answers(situation)
    expect(
      Object.fromEntries(checks.map((check, i) => [title(WAYS[i] as Way), `${check.status} ${check.code}`])),
    ).toEqual(Object.fromEntries(WAYS.map(way => [title(way), way.answers[situation]])))
    for (const check of checks)
      if (check.status === 'pass') expect(check.watched.join(' '), check.id).toContain(check.id)
      else {
        expect(`${check.summary} ${check.observed} ${check.watched}`, check.id).toContain(`${check.id}/place`)
        expect(check.next, check.id).toMatch(/\S/)
        expect(check.expected, check.id).toMatch(/\S/)
      }
  })
})

describe('one of several', () => {
  // What is good beside it must not hide it.
  it.each([
    [
      'a plugin that is a link to nothing',
      'check: plugin-hooks\ndirs: ["place/*"]',
      PLUGIN,
      'place/guard',
      'plugin-hooks/path-missing',
    ],
    [
      'a job file that is a link to nothing',
      'check: cron\nfiles: ["place/*.json"]',
      JOBS,
      'place/more.json',
      'cron/unreadable',
    ],
    [
      'sessions that are a link to nothing',
      'check: tmp-files\npaths: ["place/*/sessions/*.tmp"]',
      { 'place/main/sessions/': '', 'place/other/': '' },
      'place/other/sessions',
      'tmp-files/missing',
    ],
    [
      'a log that is a link to nothing',
      'check: log-signals\nfiles: ["place/*.log"]',
      { 'place/good.log': 'fine\n' },
      'place/more.log',
      'log-signals/missing',
    ],
    [
      "an older release's jobs that are a link to nothing",
      'check: cron\npreset: openclaw\nstate: place',
      { 'place/cron/': '', 'place/state/': '' },
      'place/cron/jobs.json',
      'cron/unreadable',
    ],
  ])('%s', async (_, body, files, link, code) => {
    const cwd = scratch()
    lay(cwd, { ...files, 'BOOT.md': manifest(`${body}\nid: under-test`) })
    symlinkSync(join(cwd, 'gone'), join(cwd, link))
    const ended = await bootcheck(['run', '--format', 'json'], { cwd })
    const [check] = reportOf(ended).checks
    expect([ended.code, check?.status, check?.code]).toEqual([1, 'fail', code])
    expect(`${check?.summary} ${check?.observed}`).toContain(link)
  })

  it('a plugin that may not be read', async () => {
    const cwd = scratch()
    lay(cwd, {
      ...PLUGIN,
      'place/guard/index.js': 'export default 1\n',
      'BOOT.md': manifest('check: plugin-hooks\nid: under-test\ndirs: ["place/*"]'),
    })
    give(cwd)
    chmodSync(join(cwd, 'place/guard'), 0)
    const ended = await bootcheck(['run', '--format', 'json'], { cwd, through: UNPRIVILEGED })
    const [check] = reportOf(ended).checks
    expect([ended.code, check?.code]).toEqual([1, 'plugin-hooks/unreadable'])
    expect(`${check?.summary} ${check?.observed}`).toContain('guard')
  })

  it('an extension of a product that may not be read, or is a link to nothing', async () => {
    const cwd = scratch()
    const extension = (id: string) => ({
      [`place/extensions/${id}/openclaw.plugin.json`]: JSON.stringify({ id, configSchema: { type: 'object' } }),
      [`place/extensions/${id}/index.js`]: 'export default 1\n',
    })
    lay(cwd, {
      'place/openclaw.json': '{}',
      ...extension('greeter'),
      ...extension('guard'),
      'BOOT.md': manifest('check: plugin-hooks\nid: under-test\npreset: openclaw\nstate: place'),
    })
    give(cwd)
    chmodSync(join(cwd, 'place/extensions/guard'), 0)
    const shut = await bootcheck(['run', '--format', 'json'], { cwd, through: UNPRIVILEGED })
    expect([shut.code, reportOf(shut).checks[0]?.status]).toEqual([1, 'fail'])
    expect(JSON.stringify(reportOf(shut).checks[0])).toContain('extensions/guard')
    chmodSync(join(cwd, 'place/extensions/guard'), 0o700)
    symlinkSync(join(cwd, 'gone'), join(cwd, 'place/extensions/lost'))
    const lost = await bootcheck(['run', '--format', 'json'], { cwd, through: UNPRIVILEGED })
    expect(reportOf(lost).checks[0]?.status).not.toBe('pass')
    expect(JSON.stringify(reportOf(lost).checks[0])).toContain('extensions/lost')
  })
})

describe('port', () => {
  const LISTENER = `require('node:net').createServer().listen(0, '127.0.0.1', function () { console.log(this.address().port) })`

  it.each([
    ['a glob of owners that fits nobody', 'owner: "*no-such-gateway*"', 'port/held'],
    ['no owner', '', 'port/held'],
  ])('held beside a live gateway: %s', async (_, owner, code) => {
    const { line } = await nodeChild(LISTENER)
    const cwd = scratch()
    lay(cwd, { 'BOOT.md': manifest(`check: port\nid: under-test\nport: ${line}\nhost: 127.0.0.1\n${owner}`) })
    const ended = await bootcheck(['run', '--running', '--format', 'json'], { cwd })
    expect([ended.code, reportOf(ended).checks[0]?.code]).toEqual([1, code])
  })

  it('held by a process of another user, which cannot be seen: it is not taken for the owner', async () => {
    const { line } = await nodeChild(LISTENER)
    const cwd = scratch()
    lay(cwd, {
      'BOOT.md': manifest(`check: port\nid: under-test\nport: ${line}\nhost: 127.0.0.1\nowner: "*node*"`),
    })
    give(cwd)
    const ended = await bootcheck(['run', '--running', '--format', 'json'], { cwd, through: UNPRIVILEGED })
    expect([ended.code, reportOf(ended).checks[0]?.status]).toEqual([1, 'fail'])
  })
})

describe('message', () => {
  const receiver = async (status: number, body: string): Promise<{ url: string; asked: () => number }> => {
    let asked = 0
    const server = createServer((request, response) => {
      request.resume().on('end', () => {
        asked++
        response.writeHead(status, { 'content-type': 'application/json' }).end(body)
      })
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`, asked: () => asked }
  }

  const sent = async (situation: Situation, expects: string, status = 200, reply = '{"ok": true}') => {
    const { url, asked } = await receiver(status, reply)
    const cwd = scratch()
    // The folder that is looked at is the memory: without it nobody knows how often was sent.
    arrange(cwd, situation, { body: '', answers: {} as Way['answers'] })
    lay(cwd, {
      'BOOT.md': manifest(
        `check: message\nid: under-test\nchannel: webhook\nurl: ${url}\nrequest: {body: {text: hello}}\nexpect: ${expects}`,
      ),
    })
    give(cwd)
    if (situation === 'unreadable') chmodSync(join(cwd, 'place'), 0)
    const ended = await bootcheck(['run', '--state-dir', 'place', '--format', 'json'], { cwd, through: UNPRIVILEGED })
    const [check] = reportOf(ended).checks
    expect(ended.code).toBe(check?.status === 'fail' ? 1 : 0)
    if (check?.status === 'pass') expect(check.watched).not.toEqual([])
    return { answer: `${check?.status} ${check?.code}`, asked: asked(), check }
  }

  it.each([
    ['missing', 'pass message/delivered', 1],
    ['empty', 'pass message/delivered', 1],
    ['dotfiles only', 'pass message/delivered', 1],
    ['no match', 'pass message/delivered', 1],
    ['unreadable', 'fail message/store', 0],
    ['dangling link', 'fail message/store', 0],
  ] as const)('the folder of its memory: %s -> %s', async (situation, expected, times) => {
    const { answer, asked } = await sent(situation, '{status: 200}')
    expect([answer, asked]).toEqual([expected, times])
  })

  it.each([
    ['a pointer that leads to nothing', '{status: 200, json: {/result/id: 7}}', 200, '{"ok": true}'],
    ['a text that is not there', '{status: 200, body: accepted}', 200, '{"ok": true}'],
    ['an empty answer where a text is expected', '{status: 200, body: ok}', 200, ''],
    ['an empty answer where JSON is expected', '{status: 200, json: {/ok: true}}', 200, ''],
    ['another good status', '{status: 200}', 204, ''],
  ])('%s is no delivery', async (_, expects, status, reply) => {
    const { answer, asked, check } = await sent('empty', expects, status, reply)
    expect(answer).toMatch(/^fail message\/(expectation|rejected)$/)
    expect(asked).toBe(1)
    expect(check?.observed).toMatch(/\S/)
  })

  it('nobody there to take it', async () => {
    const cwd = scratch()
    // Port 1 is nobody's: root alone could listen there.
    lay(cwd, {
      'BOOT.md': manifest(
        'check: message\nid: under-test\nchannel: webhook\nurl: http://127.0.0.1:1/hook\nrequest: {body: {text: hello}}\nexpect: {status: 200}',
      ),
    })
    const ended = await bootcheck(['run', '--format', 'json'], { cwd })
    expect([ended.code, reportOf(ended).checks[0]?.code]).toEqual([1, 'message/connect'])
  })
})

describe('supervisor', () => {
  const UNIT = '[Service]\nRestart=on-failure\nRestartPreventExitStatus=69 78\nKillMode=mixed\nExecStart='

  it.each([
    ['gw.service', `[Service]\nExecStart=/opt/gateway --name bootcheck guard\n`],
    ['gw.service', `${UNIT}/bin/sh -c "bootcheck run --quiet; exec /opt/gateway"\n`],
    ['gw.service', `${UNIT}/bin/sh -c "bootcheck run || true; exec /opt/gateway"\n`],
    ['gw.service', `${UNIT}/bin/sh -c "bootcheck run & exec /opt/gateway"\n`],
    ['gw.service', `${UNIT}/bin/echo bootcheck run\n`],
    ['gw.service', `${UNIT}-/usr/bin/bootcheck guard --state-dir /x -- /opt/gateway\n`],
    ['gw.service', `${UNIT}/usr/bin/bootcheck run && /opt/gateway\n`],
    ['gw.service', '[Service]\nExecStart=/opt/gateway\nRestart=on-abnormal\n'],
    [
      'ecosystem.config.cjs',
      "module.exports = { apps: [{ script: './gw', args: '--tag bootcheck', stop_exit_codes: [1] }] }",
    ],
    [
      'ecosystem.config.cjs',
      "module.exports = { apps: [{ script: 'bootcheck', args: 'guard -- gw', exec_mode: 'cluster', stop_exit_codes: [69, 78], kill_timeout: 20000, treekill: false }] }",
    ],
    ['gw.conf', '[program:gw]\ncommand=/opt/gateway ; bootcheck guard\n'],
    ['Dockerfile', 'FROM a\nCMD ["/opt/gateway", "--log", "bootcheck"]\n'],
    ['compose.yaml', 'services: {gw: {command: "/opt/gateway --log bootcheck", restart: "no"}}\n'],
    ['package.json', '{"scripts": {"prestart": "bootcheck || true", "start": "gateway"}}'],
    ['package.json', '{"scripts": {"start": "gateway # bootcheck guard"}}'],
  ])('%s that names the gate, and does not run or heed it: %s', async (file, text) => {
    const cwd = scratch()
    lay(cwd, { [file]: text, 'BOOT.md': manifest(`check: supervisor\nid: under-test\nfile: ${file}`) })
    const ended = await bootcheck(['run', '--format', 'json'], { cwd })
    expect([ended.code, reportOf(ended).checks[0]?.status]).toEqual([1, 'fail'])
  })
})
