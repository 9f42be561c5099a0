import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fastGlob from 'fast-glob'
import { describe, expect, it } from 'vitest'
import { ERRORS } from '../../core/manifest/errors.ts'
import { findManifest, loadManifest } from '../../core/manifest/load.ts'
import { MAX_MANIFEST, type Parsed, parseManifest } from '../../core/manifest.ts'
import type { Plan } from '../../core/plan.ts'
import type { Problem } from '../../core/report.ts'
import { scratch } from '../support/context.ts'
import { sixKinds } from '../support/kinds.ts'
import { lintFixtures } from '../support/lint-fixtures.ts'

const root = join(import.meta.dirname, '../..')
const fixtures = join(root, 'test/fixtures/lint')
const good = readFileSync(join(fixtures, 'good.md'), 'utf8')
const NOW = Date.UTC(2026, 10, 22, 12)

const parse = (
  text: string | Uint8Array,
  more: { mode?: 'lint' | 'run'; env?: Record<string, string>; file?: string } = {},
): Promise<Parsed> =>
  parseManifest(text, {
    file: more.file ?? 'BOOT.md',
    registry: sixKinds,
    mode: more.mode ?? 'lint',
    now: NOW,
    ...(more.env ? { env: more.env } : {}),
  })

const short = (problems: readonly Problem[]): string[] =>
  problems.map(({ code, line, column }) => `${code} ${line}:${column}`)

const planOf = async (text: string, more: Parameters<typeof parse>[1] = {}): Promise<Plan> => {
  const { plan, errors } = await parse(text, more)
  expect(errors).toEqual([])
  if (!plan) throw new Error('no errors and no plan')
  return plan
}

/** The good file with one edit. */
const edited = (from: string, to: string): string => {
  expect(good).toContain(from)
  return good.replace(from, () => to)
}

/** A manifest of one block; its first line is line 7. */
const block = (...lines: string[]): string =>
  `---\nbootcheck: 1\n---\n# One\n\n\`\`\`yaml boot\n${lines.join('\n')}\n\`\`\`\n`
const port = (...lines: string[]): string => block('check: port', 'id: x', 'port: 1', ...lines)

const FIRST = '```yaml boot\ncheck: port\nid: gateway-port\nport: 18789\n```'

describe('a good file', () => {
  it('becomes a plan', async () => {
    const plan = await planOf(good)
    expect(plan).toMatchObject({
      file: 'BOOT.md',
      title: 'Boot checks of the home gateway',
      deadlineMs: 60_000,
      vars: { state: '~/.openclaw' },
      checks: [
        {
          id: 'gateway-port',
          kind: 'port',
          title: "The gateway's port is free",
          why: 'If another process holds it, find out who before you kill anything.',
          line: 14,
          needs: [],
          severity: 'fail',
          phase: 'before',
          timeoutMs: 5000,
          retries: 0,
          skips: [],
          options: { port: 18789 },
          positions: { '/port': [17, 7] },
        },
        {
          id: 'workspace',
          needs: ['gateway-port'],
          why: '',
          options: { path: '${var:state}/workspace', access: 'rwx', mode: '0700' },
          positions: { '/path': [26, 7], '/access': [27, 9], '/mode': [28, 7] },
        },
      ],
    })
  })

  it.each([
    ['CRLF', good.replaceAll('\n', '\r\n')],
    ['a byte order mark', `\ufeff${good}`],
    ['no end of the last line', good.trimEnd()],
    ['longer fences', good.replaceAll('```', '`````')],
    ['a closing fence longer than the opening one', good.replaceAll('\n```\n', '\n``````\n')],
    ['blanks after the fences', good.replaceAll('```yaml boot', '```yaml boot \t').replaceAll('\n```\n', '\n``` \n')],
    ['emoji in the prose', edited('If another', 'The family \u{1f468}\u200d\u{1f469}\u200d\u{1f467} says: if another')],
    ['right-to-left prose', edited('If another', '\u200f\u05e9\u05dc\u05d5\u05dd if another')],
    ['a remark in a check', edited('port: 18789', 'port: 18789 # as in the config')],
  ])('may have %s', async (_, text) => {
    const plan = await planOf(text)
    expect(plan.checks.map(({ id, line }) => [id, line])).toEqual([
      ['gateway-port', 14],
      ['workspace', 22],
    ])
    expect(plan.checks[1]?.positions['/mode']).toEqual([28, 7])
  })

  it('reads every common key', async () => {
    const plan = await planOf(
      port(
        'severity: warn',
        'phase: after',
        'every: 5m',
        'timeout: 2m',
        'retries: 3',
        'retry-delay: 500ms',
        'when: {os: [linux, darwin], env: {CI: true, N: 1.10}}',
        'skip: [{finding: port/held, reason: known, until: 2026-12-31}, {reason: all, until: 2026-11-22}]',
      ),
    )
    expect(plan.checks[0]).toMatchObject({
      severity: 'warn',
      phase: 'after',
      everyMs: 300_000,
      timeoutMs: 120_000,
      retries: 3,
      retryDelayMs: 500,
      when: { os: ['linux', 'darwin'], env: { CI: 'true', N: '1.10' } },
      skips: [
        { finding: 'port/held', reason: 'known', until: '2026-12-31', line: 17 },
        { reason: 'all', until: '2026-11-22', line: 17 },
      ],
    })
  })

  it("takes `every` for the kind's own where it has one, and asks it again as often", async () => {
    const message = (...lines: string[]) =>
      planOf(
        `---\nbootcheck: 1\nchecks: 1\nvars: {often: 2h}\n---\n${block('check: message', 'id: m', 'channel: telegram', 'token: ${secret:T}', 'chat: "1"', ...lines)}\n`,
      )
    const everyOf = async (...lines: string[]) => {
      const [check] = (await message(...lines)).checks
      return [check?.everyMs, check?.options.every]
    }
    expect(await everyOf('every: 2h')).toEqual([undefined, '2h'])
    expect(await everyOf('phase: after', 'every: 2h')).toEqual([7_200_000, '2h'])
    expect(await everyOf('phase: after', 'every: ${var:often}')).toEqual([7_200_000, '${var:often}'])
    expect(await everyOf('phase: after')).toEqual([undefined, undefined])
  })

  it('reads the whole front matter', async () => {
    const { plan, errors, warnings } = await parse(
      `---\nbootcheck: 1\nchecks: 1\ntimeout: 7s\ndeadline: 2m\ntitle: "Ours: it"\nuser: claw\nenv-file: ~/gateway.env\nsummary: s\nread_when: [a, b]\ntags:\n  - x\nx-mine: {a: 1}\nguard: {}\nsnapshot: {keep: 3}\nvars: {a: 1.10, b: yes}\n---\n${FIRST}\n`,
    )
    expect(errors).toEqual([])
    expect(short(warnings)).toEqual(['W201 16:8', 'W201 16:17'])
    expect(plan).toMatchObject({
      title: 'Ours: it',
      deadlineMs: 120_000,
      user: 'claw',
      envFile: '~/gateway.env',
      vars: { a: '1.10', b: 'yes' },
    })
    expect(plan?.checks[0]?.timeoutMs).toBe(7000)
  })

  it('never runs an example, and lists steps for people', async () => {
    const { plan, notes } = await parse(`${good}\n- [ ] Tell the others.\n\n\`\`\`\`yaml example\n${FIRST}\n\`\`\`\`\n`)
    expect(plan?.checks.map(({ id }) => id)).toEqual(['gateway-port', 'workspace'])
    expect(notes.map(note => `${note.code} ${note.line} ${note.message}`)).toEqual([
      'N101 31 a step for people, not run: Tell the others.',
    ])
    expect((await parse(`${good}\n- [ ] Tell the others.\n`, { mode: 'run' })).notes).toEqual([])
  })

  it('takes what stands below "|" as it is', async () => {
    const plan = await planOf(
      block('check: message', 'id: m', 'channel: telegram', 'text: |', '  up', '  and well: indeed', 'every: 1h'),
    )
    expect(plan.checks[0]?.options).toMatchObject({ text: 'up\nand well: indeed\n', every: '1h' })
  })
})

describe('one edit to a good file', () => {
  it.each<[string, string, readonly string[]]>([
    // structure
    ['an invisible character before a fence', edited(FIRST, `\u200b${FIRST}`), ['E101 14:1']],
    ['one in a check', edited('id: gate', 'id: gate\u202e'), ['E101 16:9']],
    ['one in the front matter', edited('vars:', 'va\u200brs:'), ['E101 6:3']],
    ['one in a closing fence', edited('18789\n```', '18789\n\u200b```'), ['E101 18:1']],
    ['one in the mark of the front matter', `\u200b${good}`, ['E101 1:1']],
    ['a lone CR', edited('port: 18789', 'port: 1\r8789'), ['E101 17:8']],
    ['a lone CR in the prose', edited('who before', 'who\rbefore'), ['E101 12:42']],
    ['a line separator', edited('who before', 'who\u2028before'), ['E101 12:42']],
    ['an escape', edited('who before', 'who\u001b[31m before'), ['E101 12:42']],
    ['no front matter', good.slice(good.indexOf('# Boot')), ['E102 1:1']],
    ['front matter of somebody else', good.replace(/bootcheck: 1[\s\S]*openclaw\n/, 'title: x\n'), ['E102 1:1']],
    ['front matter without the key', edited('bootcheck: 1\n', ''), ['E102 1:1']],
    ['front matter on line 2', `\n${good}`, ['E102 1:1']],
    ['no check', '---\nbootcheck: 1\n---\n', ['E103 1:1']],
    ['front matter never closed', edited('---\n# Boot', '# Boot'), ['E104 1:1']],
    ['front matter closed after a fence', `${edited('---\n# Boot', '# Boot')}\n---\n`, ['E104 1:1']],
    ['another version', edited('bootcheck: 1', 'bootcheck: 2'), ['E104 2:12']],
    ['a quoted version', edited('bootcheck: 1', 'bootcheck: "1"'), ['E104 2:12']],
    ['a block deleted', good.slice(0, good.indexOf('### The workspace')), ['E105 3:1']],
    ['a block more', `${good}\n${FIRST.replace('gateway-port', 'other')}\n`, ['E105 3:1']],
    ['the closing fence deleted', edited('18789\n```\n', '18789\n'), ['E110 14:1']],
    ['the last block open', good.slice(0, good.lastIndexOf('```')), ['E110 22:1']],
    ['a longer opening fence', edited('```yaml boot', '````yaml boot'), ['E110 14:1']],
    ['another fence never closed', edited('### The workspace', '```sh\nls\n\n### The workspace'), ['E110 20:1']],
    [
      'an example never closed',
      edited('### The workspace', '```yaml example\ncheck: port\nid: shown\n\n### The workspace'),
      ['E110 20:1'],
    ],
    ['a fence line in a text', edited('access: rwx', 'owner: |\n    ```\n    x'), ['E110 22:1']],
    ['a closing fence in a text', edited('access: rwx', 'owner: |\n  ```\n  x'), ['E111 22:1']],
    ['a stray closing fence', edited('18789\n```', '18789\n```\n```'), ['E110 19:1']],
    ['in a list', edited(FIRST, FIRST.replace(/^/gm, '  ').replace('  ```yaml', '- ```yaml')), ['E111 14:1']],
    ['in a quote', edited(FIRST, FIRST.replace(/^/gm, '> ')), ['E111 14:1']],
    ['indented', edited(FIRST, FIRST.replace('```yaml', '  ```yaml')), ['E111 14:1']],
    ['an indented closing fence', edited('18789\n```', '18789\n  ```'), ['E111 14:1']],
    ...[
      'yaml bot',
      'yml boot',
      'yaml Boot',
      'yaml  boot',
      'yamlboot',
      ' yaml boot',
      'yaml boot:',
      'yaml boot port',
      'yaml\u00a0boot',
    ].map(info => [info, edited('```yaml boot', `\`\`\`${info}`), ['E112 14:1']] as [string, string, string[]]),
    ['joined with the first line', edited('boot\ncheck: port', 'bootcheck: port'), ['E112 14:1']],
    ['no marker', edited('```yaml boot', '```yaml'), ['E113 14:1']],
    ['no language', edited('```yaml boot', '```'), ['E113 14:1']],
    ['JSON', edited(FIRST, '```json\n{"check": "port", "id": "gateway-port"}\n```'), ['E113 14:1']],
    ['the opener deleted', edited('```yaml boot\n', ''), ['E113 14:1']],
    ['a line "check: port" in the prose', edited('If another', 'check: port\nIf another'), ['E113 12:1']],
    ['in a comment', edited(FIRST, `<!--\n${FIRST}\n-->`), ['E114 15:1']],
    ['in a comment on its own line', edited('```yaml boot', '<!-- ```yaml boot'), ['E114 14:1', 'E114 22:1']],
    ['in <details>', edited(FIRST, `<details>\n\n${FIRST}\n\n</details>`), ['E114 16:1']],
    ['in <details> without blank lines', edited(FIRST, `<details>\n${FIRST}\n</details>`), ['E114 15:1']],
    ['two backticks', edited('```yaml boot', '``yaml boot'), ['E115 14:1']],
    ['four blanks', edited('```yaml boot', '    ```yaml boot'), ['E115 14:1']],
    ['a tab', edited('```yaml boot', '\t```yaml boot'), ['E115 14:1']],
    ['tildes', edited(FIRST, FIRST.replaceAll('```', '~~~')), ['E115 14:1']],
    ['a tilde opener alone', edited('```yaml boot', '~~~yaml boot'), ['E115 14:1']],
    ['typographic quotes', edited('```yaml boot', '\u2019\u2019\u2019yaml boot'), ['E115 14:1']],
    ['at the end of a paragraph', edited('anything.\n\n', 'anything.'), ['E115 12:1']],
    ['an opener in another fence', edited(FIRST, `\`\`\`\`markdown\n${FIRST}\n\`\`\`\``), ['E115 15:1']],
    ['a key above the fence', edited(FIRST, `severity: warn\n${FIRST}`), ['E116 14:1']],
    ['a key below the fence', edited(FIRST, `${FIRST}\nowner: x`), ['E116 19:1']],
    ['the end of a map below the fence', edited(FIRST, `${FIRST}\n    STAGE: live`), ['E116 19:1']],
    ['a damaged key below the fence', edited(FIRST, `${FIRST}\nwner: x`), ['E116 19:1']],
    ['a key in the lines below the fence', edited(FIRST, `${FIRST}\nsome words\nowner: x`), ['E116 20:1']],
    ['a key below the front matter', edited('---\n# Boot', '---\nuser: claw\n# Boot'), ['E116 9:1']],
    // YAML
    ['no space after the colon', edited('port: 18789', 'port:18789'), ['E201 17:5']],
    ['an equals sign', edited('port: 18789', 'port = 18789'), ['E201 17:6']],
    ['a tab as indentation', edited('port: 18789', '\tport: 18789'), ['E201 17:1']],
    ['an indented key', edited('id: gate', '  id: gate'), ['E201 15:8']],
    ['an open quote', edited('mode: "0700"', 'mode: "0700'), ['E201 28:7']],
    ['an open bracket', edited('[gateway-port]', '[gateway-port'), ['E201 25:8']],
    ['a value over two lines', edited('access: rwx', 'access: rwx\n  and more'), ['E201 27:9']],
    ['a quoted value over two lines', edited('"0700"', '"07\n  00"'), ['E201 28:7']],
    ['two items in one', edited('[gateway-port]', '[gateway-port workspace]'), ['E201 25:9', 'E306 25:9']],
    ['a variable in braces', edited('port: 18789', 'http: {path: ${env:X}}\nport: 1'), ['E201 17:14']],
    ['two keys on a line', edited('check: port\n', 'check: port '), ['E201 15:8']],
    ['no map at all', port().replace(/check: port[^`]*/, 'just words\n'), ['E201 7:1']],
    [
      'a swallowed key',
      block('check: message', 'id: m', 'channel: telegram', 'text: |', '  up', '  every: 1h'),
      ['E201 12:3'],
    ],
    ['a key twice', edited('port: 18789', 'port: 18789\nport: 18790'), ['E203 18:1']],
    ['a key twice, once quoted', edited('port: 18789', 'port: 18789\n"port": 18790'), ['E203 18:1']],
    ['a misspelt required key', edited('port: 18789', 'prot: 18789'), ['E204 17:1']],
    ['a misspelt common key', edited('port: 18789', 'port: 18789\nseverty: warn'), ['E204 18:1']],
    ['check misspelt', edited('check: port', 'chekc: port'), ['E204 15:1']],
    [
      'id misspelt',
      edited('id: gateway-port', 'idd: gateway-port').replace('needs: [gateway-port]\n', ''),
      ['E204 16:1'],
    ],
    ['a misspelt nested key', port('http: {pth: /x}'), ['E204 10:8']],
    ['a misspelt version key', edited('bootcheck: 1', 'boot-chek: 1'), ['E204 2:1']],
    ['a misspelt key of the front matter', edited('deadline', 'deadlin'), ['E204 5:1']],
    ['a front matter key swallowed by vars', edited('---\n# Boot', '  user: claw\n---\n# Boot'), ['E204 8:3']],
    [
      'a key swallowed by a free map',
      block('check: message', 'id: m', 'channel: webhook', 'request:', '  headers:', '    X-A: b', '    method: POST'),
      ['E204 13:5'],
    ],
    ['a required key missing', edited('path: ${var:state}/workspace', 'owner: "${var:state}"'), ['E205 23:1']],
    ['one of two missing', edited('port: 18789', 'host: 127.0.0.1'), ['E205 15:1']],
    [
      'what another key needs',
      block('check: message', 'id: m', 'channel: telegram', 'token: ${secret:T}'),
      ['E205 7:1'],
    ],
    ['check missing', edited('check: port\n', ''), ['E205 14:1']],
    ['id missing', edited('id: workspace\n', ''), ['E205 23:1']],
    ['an anchor', edited('port: 18789', 'port: &p 18789'), ['E207 17:7']],
    ['an alias', port('owner: *x*'), ['E207 10:8']],
    ['a tag', edited('port: 18789', 'port: !!int 18789'), ['E207 17:7']],
    ['a merge key', port('<<: {host: a}'), ['E207 10:1']],
    ['__proto__', port('__proto__: {host: a}'), ['E207 10:1']],
    ['constructor', port('constructor: 1'), ['E204 10:1']],
    ['a directive', block('%YAML 1.2', '---', 'check: port', 'id: x', 'port: 1'), ['E207 7:1', 'E207 8:1']],
    ['a second document', port('---', 'check: port'), ['E207 10:1']],
    ['an octal mode unquoted', edited('"0700"', '0700'), ['E209 28:7']],
    ['a mode that is none', edited('"0700"', 'rwx'), ['E209 28:7']],
    ['a non-breaking space', edited('port: 18789', 'port:\u00a018789'), ['E210 17:6']],
    ['a value that is a comment', edited('port: 18789', 'port: 18789\nowner: #ops'), ['E212 18:8']],
    ['a value left out', edited('port: 18789', 'port: 18789\nowner:'), ['E212 18:1']],
    [
      'a tilde alone',
      edited('${var:state}/workspace', '~').replace('vars:\n  state: ~/.openclaw\n', ''),
      ['E212 24:7'],
    ],
    ['needs without a value', edited('needs: [gateway-port]', 'needs:'), ['E212 25:1']],
    ['a key commented out', edited('access: rwx', '#access: rwx'), ['E213 27:1']],
    ['a key commented out with its first letter', edited('access: rwx', '#ccess: rwx'), ['E213 27:1']],
    [
      'a key commented out behind a value',
      edited('access: rwx\nmode: "0700"', 'access: rwx # mode: "0700"'),
      ['E213 27:13'],
    ],
    ['a key swallowed by a remark', port('# the ownerhost: a'), ['E213 10:12']],
    ['an item commented out', block('check: tmp-files', 'id: t', 'paths:', '  - /a', '  #- /b'), ['E213 11:3']],
    ['a key of the front matter commented out', edited('deadline', '#deadline'), ['E213 5:1']],
    [
      'a variable commented out',
      edited('  state', '  a: b\n  #state').replace('${var:state}', '${var:a}'),
      ['E213 8:3'],
    ],
    // names and values
    ['an unknown kind', edited('check: port', 'check: prot'), ['E301 15:8']],
    ['a kind of every object', edited('check: port', 'check: constructor'), ['E301 15:8']],
    ['an id twice', edited('id: workspace\nneeds: [gateway-port]', 'id: gateway-port'), ['E302 24:5']],
    ['an unknown need', edited('[gateway-port]', '[gateway-prot]'), ['E303 25:9']],
    [
      'a forward need',
      edited('port: 18789', 'port: 18789\nneeds: [workspace]').replace('needs: [gateway-port]\n', ''),
      ['E304 18:9'],
    ],
    ['a need of itself', edited('[gateway-port]', '[workspace]'), ['E304 25:9']],
    ['a skip without an end', port('skip: {reason: x}'), ['E305 10:1']],
    ['a skip without a reason', port('skip: {until: 2026-12-31}'), ['E305 10:1']],
    ['a skip that is none', port('skip: true'), ['E305 10:7']],
    ['a day that does not exist', port('skip: {reason: x, until: 2026-02-30}'), ['E305 10:26']],
    ['an expired skip', port('skip: {reason: x, until: 2026-11-21}'), ['E305 10:26']],
    ['no duration', port('timeout: 20'), ['E306 10:10']],
    ['a duration of nothing', port('timeout: 0s'), ['E306 10:10']],
    ['a check before the start that is asked again', port('every: 5m'), ['E306 10:1']],
    ['one that is asked again at once', port('phase: after', 'every: 999ms'), ['E306 11:8']],
    ['a variable in a common key', port('timeout: ${env:T}'), ['E401 10:10']],
    ['a port of text', edited('port: 18789', 'port: http'), ['E306 17:7']],
    ['a port that is none', edited('port: 18789', 'port: 70000'), ['E306 17:7']],
    ['a word that is none', edited('access: rwx', 'access: all'), ['E306 27:9']],
    ['two that exclude each other', edited('port: 18789', 'port: 18789\nsocket: /run/x'), ['E306 18:1']],
    ['needs that is no list', edited('[gateway-port]', 'gateway-port'), ['E306 25:8']],
    ['an id in capitals', edited('id: workspace', 'id: Workspace'), ['E306 24:5']],
    ['a list that is none', block('check: tmp-files', 'id: t', 'paths: /tmp/*.tmp'), ['E306 9:8']],
    ['an item that does not fit', block('check: tmp-files', 'id: t', 'paths: [/a, 7]'), ['E306 9:13']],
    ['a system that is none', port('when: {os: [macos]}'), ['E306 10:13']],
    ['a condition that says nothing', port('when: {}'), ['E306 10:7']],
    ['a count that is none', edited('checks: 2', 'checks: two'), ['E306 3:9']],
    [
      'a number that is too large',
      block('check: message', 'id: m', 'channel: telegram', 'chat: -10012345678901234567'),
      ['E306 10:7'],
    ],
    ['retries of a send', block('check: message', 'id: m', 'channel: telegram', 'retries: 2'), ['E307 10:1']],
    // variables
    [
      'a variable without a source',
      edited('${var:state}', '${TELEGRAM_BOT_TOKEN}').replace(/vars:\n.*\n/, ''),
      ['E401 24:7'],
    ],
    ['a variable in a variable', port('host: "${env:A:-${env:B}}"'), ['E401 10:17']],
    ['a variable in vars', edited('~/.openclaw', '${env:HOME}/x').replace('${var:state}', 'x'), ['E401 7:10']],
    ['a var that is not there', edited('${var:state}', '${var:stat}'), ['E402 26:7']],
    ['a variable not closed', edited('${var:state}', '${var:state'), ['E403 26:7']],
    ['a literal token', port('owner: 123456789:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'), ['E405 10:8']],
    ['a password in a URL', port('host: https://me:hunter22@example.net'), ['E405 10:18']],
    [
      'a literal where a secret belongs',
      block('check: message', 'id: m', 'channel: telegram', 'token: changeme', 'chat: 1'),
      ['E405 10:8'],
    ],
    ['a default of a secret', port('host: ${secret:X:-abc}'), ['E405 10:7']],
    ['a secret that would be shown', port('host: ${env:TELEGRAM_BOT_TOKEN}'), ['E406 10:7']],
  ])('%s', async (_, text, expected) => {
    const { plan, errors } = await parse(text)
    expect(short(errors)).toEqual(expected)
    expect(plan).toBeUndefined()
    for (const { code, message, hint } of errors) {
      expect(Object.keys(ERRORS)).toContain(code)
      expect(message).not.toMatch(/undefined|\[object|Implicit|compact mapping|must NOT/)
      expect(hint).toBeTruthy()
    }
  })
})

describe('what it says', () => {
  const say = async (text: string): Promise<string> => {
    const { errors } = await parse(text)
    expect(errors).toHaveLength(1)
    return `${errors[0]?.message} -> ${errors[0]?.hint}`
  }

  it.each([
    [
      'no front matter in an agent\u2019s file',
      '# Boot\n\nSay good morning.\n',
      'front matter missing: this BOOT.md is written for an agent and declares no checks -> write the checks beside it, as bootcheck.md',
    ],
    [
      'an agent\u2019s own front matter',
      '---\nname: hello\n---\nSay good morning.\n',
      'front matter missing: this BOOT.md is written for an agent and declares no checks -> write the checks beside it, as bootcheck.md',
    ],
    [
      'no front matter above checks',
      good.slice(good.indexOf('# Boot')).replace('${var:state}', 'x'),
      'front matter missing -> begin the file with three lines: ---, bootcheck: 1, ---',
    ],
    ['a misspelt key', edited('port: 18789', 'prot: 18789'), 'unknown key "prot" -> did you mean "port"?'],
    ['a misspelt kind', edited('check: port', 'check: prot'), 'unknown kind "prot" -> did you mean "port"?'],
    ['an octal mode', edited('"0700"', '0755'), '"mode" must be quoted octal, not 0755 -> "0755"'],
    ['a bare number as duration', port('timeout: 20'), '"timeout" must be a duration, not 20 -> 500ms, 5s, 2m'],
    [
      'an open block',
      edited('18789\n```\n', '18789\n'),
      'check block never closed (next fence at line 21) -> add ``` on a line of its own, at column 1, where the check ends',
    ],
    [
      'a count',
      edited('checks: 2', 'checks: 10'),
      'promises 10 checks, found 2 -> one is missing or misspelt, or the count is stale',
    ],
    [
      'an id twice',
      edited('id: workspace\nneeds: [gateway-port]', 'id: gateway-port'),
      'the id "gateway-port" is already used on line 16 -> give each check a name of its own',
    ],
    [
      'a forward need',
      edited('port: 18789', 'port: 18789\nneeds: [workspace]').replace('needs: [gateway-port]\n', ''),
      '"workspace" is defined later (line 23) -> move it up: a check needs only what stands above it',
    ],
    [
      'an unknown need',
      edited('[gateway-port]', '[gateway-prot]'),
      'unknown check "gateway-prot" -> did you mean "gateway-port"?',
    ],
    ['a bare name', edited('${var:state}', '${state}'), '"${state}" is not a variable -> ${var:state}'],
    [
      'a token by its name',
      port('host: ${TELEGRAM_BOT_TOKEN}'),
      '"${TELEGRAM_BOT_TOKEN}" is not a variable -> ${secret:TELEGRAM_BOT_TOKEN}',
    ],
    [
      'a word',
      edited('access: rwx', 'access: rwxx'),
      '"access" must be r, rw or rwx, not "rwxx" -> did you mean "rwx"?',
    ],
    [
      'a size',
      edited('access: rwx', 'min-free: 10'),
      '"min-free" must be a size such as 512MB, 1.5GiB, not 10 -> a size such as 512MB, 1.5GiB',
    ],
    ['text without quotes', edited('access: rwx', 'owner: 501'), '"owner" must be text, not 501 -> quote it: "501"'],
    ['one of two', edited('port: 18789', 'host: a'), '"port" or "socket" is missing -> give one of them'],
  ])('%s', async (_, text, expected) => {
    expect(await say(text)).toBe(expected)
  })

  it('never shows a secret that stands in the file', async () => {
    const token = '123456789:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'
    const { errors } = await parse(block('check: message', 'id: m', 'channel: telegram', `token: ${token}`, 'chat: 1'))
    expect(errors.map(({ code }) => code)).toEqual(['E405'])
    expect(JSON.stringify(errors)).not.toContain('AAAA')
  })
})

describe('all at once', () => {
  it('reports every block, in the order of the file', async () => {
    const text = good
      .replace('deadline', 'deadlin')
      .replace('port: 18789', 'port:18789\nseverty: warn')
      .replace('access: rwx', 'access: rx\nretries: many')
      .replace('"0700"', '0700')
    expect(short((await parse(text)).errors)).toEqual([
      'E204 5:1',
      'E201 17:5',
      'E204 18:1',
      'E306 28:9',
      'E306 29:10',
      'E209 30:7',
    ])
  })

  it('does not blame those who need a broken check', async () => {
    for (const text of [
      edited('port: 18789', 'port: [18789'),
      edited('```yaml boot', '```yaml bot'),
      edited('18789\n```\n', '18789\n'),
      edited('check: port', 'check: prot'),
      edited('id: gateway-port', 'id: \u200bgateway-port'),
      edited('id: gateway-port', 'id:\u00a0gateway-port'),
      edited('id: gateway-port', 'id:gateway-port'),
      edited(FIRST, `<!--\n${FIRST}\n-->`),
    ])
      expect((await parse(text)).errors.map(({ code }) => code)).toHaveLength(1)
  })

  it('goes on behind a block that swallowed the next', async () => {
    const text = edited('18789\n```\n', '18789\n')
      .replace('rwx', 'all')
      .concat('\n- ```yaml boot\n  check: port\n  id: late\n  ```\n')
    expect(short((await parse(text)).errors)).toEqual(['E110 14:1', 'E306 26:9', 'E111 30:1'])
  })

  it('knows a variable of an unread front matter', async () => {
    expect(short((await parse(edited('deadline: 60s', 'deadline: [60s'))).errors)).toEqual(['E201 5:11'])
  })
})

describe('limits', () => {
  it('refuses a file that is too large', async () => {
    const text = `${good}${'x'.repeat(MAX_MANIFEST)}`
    expect(short((await parse(text)).errors)).toEqual(['E107 1:1'])
    expect(short((await parse(Buffer.from(text))).errors)).toEqual(['E107 1:1'])
    expect((await parse(good.padEnd(MAX_MANIFEST, '\n'))).errors).toEqual([])
  })

  it('refuses a block that is too large', async () => {
    const filler = (bytes: number): string => `# ${'x'.repeat(bytes - 'check: port\nid: x\nport: 1\n# '.length)}`
    expect((await parse(port(filler(16 * 1024)))).errors).toEqual([])
    expect(short((await parse(port(filler(16 * 1024 + 1)))).errors)).toEqual(['E107 6:1'])
  })

  it('refuses what is nested too deeply', async () => {
    const nested = (depth: number): string => `http: ${'{a: '.repeat(depth - 1)}1${'}'.repeat(depth - 1)}`
    expect((await parse(port(nested(6)))).errors.map(({ code }) => code)).not.toContain('E107')
    expect(short((await parse(port(nested(7)))).errors)).toEqual(['E107 10:27'])
    for (const bracket of ['[', '{a: ', '- '])
      expect(
        (await parse(port(`http: ${bracket.repeat(3500)}`))).errors.every(({ code }) => /E107|E201/.test(code)),
      ).toBe(true)
  })

  it('refuses more than 1,000 checks', async () => {
    const many = (count: number): string =>
      `---\nbootcheck: 1\n---\n${Array.from({ length: count }, (_, i) => `\`\`\`yaml boot\ncheck: port\nid: p${i}\nport: 1\n\`\`\`\n`).join('')}`
    expect((await planOf(many(1000))).checks).toHaveLength(1000)
    expect(short((await parse(many(1001))).errors)).toEqual(['E107 1:1'])
  })

  it('answers in time, whatever the file holds', async () => {
    const lines = 256 * 1024 - good.length - 2
    for (const unit of [
      '```yaml boot\n',
      '- ```yaml boot\n',
      '<!--\n',
      '> ',
      '[',
      '*',
      '`',
      '```\n',
      '- ',
      '<details>\n',
      '${',
      '#',
      'id: a\n',
    ]) {
      const began = performance.now()
      const { errors } = await parse(good + unit.repeat(Math.floor(lines / unit.length)))
      expect(performance.now() - began, unit).toBeLessThan(20_000)
      expect(Array.isArray(errors)).toBe(true)
    }
  })
})

describe('the environment and the day', () => {
  const secret = block(
    'check: message',
    'id: m',
    'channel: telegram',
    'token: ${secret:BOT}',
    'chat: 1',
    'api: "http://h:${env:PORT}"',
    'text: "${env:WHO:-us}"',
  )

  it('is judged by lint, as warnings', async () => {
    const { plan, warnings } = await parse(secret, { env: { PORT: '' } })
    expect(plan).toBeDefined()
    expect(warnings.map(({ code, line, column, message }) => `${code} ${line}:${column} ${message}`)).toEqual([
      'E402 10:8 variable not set: ${secret:BOT} is not in the environment',
      'E402 12:16 variable not set: ${env:PORT} is empty',
    ])
    expect(short((await parse(secret, { env: { PORT: '1', BOT: '1234567' } })).warnings)).toEqual(['E407 10:8'])
    expect((await parse(secret, { env: { PORT: '1', BOT: '12345678' } })).warnings).toEqual([])
  })

  it('is left to the run otherwise', async () => {
    expect((await parse(secret, { mode: 'run', env: {} })).warnings).toEqual([])
  })

  it('lets a run go on after a skip has expired', async () => {
    const text = port('skip: {reason: x, until: 2026-11-21}')
    expect((await parse(text, { mode: 'run' })).plan?.checks[0]?.skips).toHaveLength(1)
    expect((await parse(text)).errors).toHaveLength(1)
    expect((await parse(port('skip: {reason: x, until: 2026-11-22}'))).errors).toEqual([])
  })

  it('warns of what no shell reads', async () => {
    const { warnings } = await parse(port('host: $HOST'), { mode: 'run' })
    expect(warnings.map(({ code, hint }) => [code, hint])).toEqual([['W401', '${env:HOST}']])
  })
})

describe('the table of codes', () => {
  it('has every code that the source can say, and no other', () => {
    const said = new Set(
      fastGlob
        .sync(
          ['core/manifest.ts', 'core/manifest/*.ts', 'core/{options,variables,words}.ts', '!core/manifest/errors.ts'],
          { cwd: root },
        )
        .flatMap(file =>
          [...readFileSync(join(root, file), 'utf8').matchAll(/'([ENW][1-4]\d\d)'/g)].map(match => match[1]),
        ),
    )
    expect([...said].sort()).toEqual(Object.keys(ERRORS).sort())
  })

  it('says something everywhere', () => {
    for (const [code, doc] of Object.entries(ERRORS))
      for (const text of Object.values(doc)) expect(text.length, code).toBeGreaterThan(3)
  })
})

describe('the fixtures of lint', () => {
  const files = readdirSync(fixtures).filter(file => /^[ENW]\d+.*\.md$/.test(file))

  it('are all in the index', () => {
    expect(files.sort()).toEqual(Object.keys(lintFixtures).sort())
  })

  it.each(files)('%s', async file => {
    const { errors } = await loadManifest(file, {
      registry: sixKinds,
      mode: 'lint',
      cwd: fixtures,
      home: '/nowhere',
      env: { TELEGRAM_BOT_TOKEN: 'x'.repeat(40) },
      now: NOW,
    })
    const { code, at } = lintFixtures[file] ?? {}
    expect(short(errors)).toEqual([`${code} ${at}`])
  })
})

describe('reading from disk', () => {
  const load = (path: string, cwd: string): Promise<Parsed> =>
    loadManifest(path, { registry: sixKinds, mode: 'lint', cwd, home: cwd, env: {} })
  const first = async (path: string, cwd: string): Promise<string> => {
    const { errors } = await load(path, cwd)
    return `${errors[0]?.file} ${errors[0]?.code} ${errors[0]?.message}`
  }

  it('says why a file cannot be read', async () => {
    const dir = scratch()
    mkdirSync(join(dir, 'folder.md'))
    execFileSync('mkfifo', [join(dir, 'fifo.md')])
    writeFileSync(join(dir, 'large.md'), 'x'.repeat(MAX_MANIFEST + 1))
    expect(await first('none.md', dir)).toBe('none.md E109 none.md does not exist')
    expect(await first('folder.md', dir)).toBe('folder.md E109 folder.md is a folder, not a file')
    expect(await first('fifo.md', dir)).toBe('fifo.md E109 fifo.md is not a regular file')
    expect(await first('large.md', dir)).toBe(`large.md E107 the file is over the limit of ${MAX_MANIFEST} bytes`)
  })

  it('reads the env-file beside the manifest', async () => {
    const dir = scratch()
    const text = port('host: ${env:HOST_NAME}').replace('bootcheck: 1', 'bootcheck: 1\nenv-file: gate.env')
    writeFileSync(join(dir, 'BOOT.md'), text)
    expect(short((await load('BOOT.md', dir)).warnings)).toEqual(['E408 3:11', 'E402 11:7'])
    writeFileSync(join(dir, 'gate.env'), 'export HOST_NAME=a\n')
    expect((await load('BOOT.md', dir)).warnings).toEqual([])
    writeFileSync(join(dir, 'gate.env'), 'HOST_NAME=a\nBROKEN\n')
    expect((await load('BOOT.md', dir)).errors.map(({ code, message }) => `${code} ${message}`)).toEqual([
      'E408 gate.env:2: "BROKEN" is not followed by "="',
    ])
  })

  it('finds the manifest of a folder', async () => {
    const dir = scratch()
    const agent = '# Boot\n\nSay good morning.\n'
    expect(await findManifest(dir)).toMatchObject({ problem: { code: 'E109' } })
    writeFileSync(join(dir, 'BOOT.md'), agent)
    expect(await findManifest(dir)).toEqual({ path: 'BOOT.md' })
    writeFileSync(join(dir, 'bootcheck.md'), good)
    expect(await findManifest(dir)).toEqual({ path: 'bootcheck.md' })
    writeFileSync(join(dir, 'BOOT.md'), good)
    expect(await findManifest(dir)).toMatchObject({ problem: { code: 'E108' } })
    // Damaged, but no agent's: it must not be passed over for the other.
    writeFileSync(join(dir, 'BOOT.md'), edited('bootcheck: 1', 'boot-chek: 1'))
    expect(await findManifest(dir)).toMatchObject({ problem: { code: 'E108' } })
    writeFileSync(join(dir, 'BOOT.md'), good.slice(good.indexOf('# Boot')))
    expect(await findManifest(dir)).toMatchObject({ problem: { code: 'E108' } })
  })
})

describe('what slips past a hurried reader', () => {
  const good = '```yaml boot\ncheck: workspace\nid: a\npath: .\n```\n'
  const codes = async (text: string) =>
    (await parseManifest(text, { file: 'BOOT.md', registry: sixKinds, mode: 'run' })).errors.map(({ code }) => code)

  it.each([
    ['flow style in a yaml fence', '```yaml\n{check: workspace, id: b, path: /nope}\n```\n'],
    ['a list of maps', '```\n- {check: workspace, id: b, path: /nope}\n```\n'],
    ['JSON5', "```json\n{x: 1, check: 'workspace', id: 'b'}\n```\n"],
  ])('%s', async (_, block) => {
    expect(await codes(`---\nbootcheck: 1\n---\n${good}\n${block}`)).toEqual(['E113'])
  })

  it.each([
    ['an opener', 'x-note: |\n  ```yaml boot\n  id: b\n  ```'],
    ['the keys of a check', 'x-old:\n  check: workspace\n  id: b'],
  ])('%s in the front matter', async (_, lines) => {
    expect((await codes(`---\nbootcheck: 1\n${lines}\n---\n${good}`))[0]).toMatch(/^E11[35]$/)
  })
})
