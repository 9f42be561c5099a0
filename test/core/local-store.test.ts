import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import { crc32, decodeAll, encode } from '../../core/local-store/format.ts'
import { bucketFor, folderName, isBucket } from '../../core/local-store/names.ts'
import { localStore, stateFolder } from '../../core/local-store.ts'
import { elapsedMs, StoreError } from '../../core/store.ts'
import { world } from '../../core/world.ts'
import { scratch } from '../support/context.ts'
import { program, start } from '../support/programs.ts'

const DAY = 86_400_000
const NOON = Date.UTC(2026, 10, 22, 12)
const NOBODY = 65534

const open = (dir: string, now = NOON) => localStore({ dir, now: () => now })

const fileOf = (dir: string, target: string, day = '2026-11-22'): string =>
  join(dir, 'targets', folderName(target), `${day}.jsonl`)

const failure = (action: () => unknown): StoreError => {
  try {
    action()
  } catch (error) {
    if (error instanceof StoreError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

/** A folder that every user may enter, since the suite's own temporary one is its owner's. */
const publicFolder = (): string => {
  const path = mkdtempSync('/tmp/bootcheck-public-')
  chmodSync(path, 0o755)
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}

describe('remembering', () => {
  it('reads back what was appended, in order, with who wrote it and when', () => {
    const store = open(scratch())
    const first = store.append('gateway', { type: 'start', n: 1 })
    const second = store.append('gateway', { type: 'end', code: null, requested: true, text: 'ümläut\n\u2028' })
    expect(store.read('gateway')).toEqual({ records: [first, second], bad: 0 })
    expect(first).toMatchObject({ event: { type: 'start', n: 1 }, wallMs: NOON, pid: process.pid })
    expect(first.id).toMatch(/^[0-9a-f-]{36}$/)
    expect(first.id).not.toBe(second.id)
    expect(first.boot).toBe(readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim())
    expect(first.started).toBe(readFileSync('/proc/self/stat', 'utf8').replace(/.*\)/s, '').split(' ')[20])
    expect(first.uptimeMs).toBeGreaterThan(0)
  })

  it('knows nothing of a target never written to, and makes no folder to say so', () => {
    const dir = join(scratch(), 'state')
    expect(open(dir).read('gateway')).toEqual({ records: [], bad: 0 })
    expect(() => statSync(dir)).toThrow('ENOENT')
  })

  it('names commands that show and forget one target, of this store', () => {
    const dir = join(scratch(), "state of 'claw'")
    const shown = (command: string): string[] =>
      execFileSync('sh', ['-c', `bootcheck() { printf '%s\\n' "$@"; }\n${command}`], { encoding: 'utf8' })
        .split('\n')
        .slice(0, -1)
    for (const target of ['-rf', "it's", '', 'codex/grok-4.20']) {
      const end = target.startsWith('-') ? ['--', target] : [target]
      expect(shown(open(dir).forgetCommand(target))).toEqual(['state', 'reset', '--state-dir', dir, ...end])
      expect(shown(open(dir).showCommand(target))).toEqual(['state', '--state-dir', dir, ...end])
    }
    const usual = stateFolder({ ...world(), env: {} })
    expect(open(usual).forgetCommand('codex/grok-4.20')).toBe('bootcheck state reset codex/grok-4.20')
  })

  it('keeps targets apart', () => {
    const store = open(scratch())
    store.append('a', { type: 'x' })
    expect(store.read('A').records).toEqual([])
    expect(store.read('a').records).toHaveLength(1)
  })

  it('makes private files in private folders, whatever the umask', () => {
    const dir = join(scratch(), 'deep', 'state')
    const before = process.umask(0)
    try {
      open(dir).append('gateway', { type: 'x' })
    } finally {
      process.umask(before)
    }
    const modes = [dir, join(dir, 'targets'), join(dir, 'targets', 'gateway'), fileOf(dir, 'gateway')].map(
      path => statSync(path).mode & 0o777,
    )
    expect(modes).toEqual([0o700, 0o700, 0o700, 0o600])
  })

  it('keeps a file a day and reads them all', () => {
    const dir = scratch()
    for (const [n, at] of [NOON, NOON + DAY, NOON + 40 * DAY].entries()) open(dir, at).append('t', { type: 'x', n })
    expect(readdirSync(join(dir, 'targets', 't')).sort()).toEqual([
      '2026-11-22.jsonl',
      '2026-11-23.jsonl',
      '2027-01-01.jsonl',
    ])
    expect(
      open(dir)
        .read('t')
        .records.map(record => record.event.n),
    ).toEqual([0, 1, 2])
  })

  it('goes on without a day that was removed whole', () => {
    const dir = scratch()
    for (const [n, at] of [NOON, NOON + DAY].entries()) open(dir, at).append('t', { type: 'x', n })
    rmSync(fileOf(dir, 't'))
    expect(open(dir).read('t')).toMatchObject({ records: [{ event: { n: 1 } }], bad: 0 })
  })

  it('keeps the order when the clock is set back by days', () => {
    const dir = scratch()
    for (const [n, at] of [NOON, NOON - 30 * DAY, NOON - 60 * DAY].entries())
      open(dir, at).append('t', { type: 'x', n })
    expect(
      open(dir)
        .read('t')
        .records.map(record => record.event.n),
    ).toEqual([0, 1, 2])
  })

  it('stands behind whoever opened a newer day while it was writing', () => {
    const dir = scratch()
    const tomorrow = open(dir, NOON + DAY)
    let raced = false
    // Between looking for the newest file and writing to it, another process starts the next day.
    const today = localStore({
      dir,
      now: () => {
        if (!raced) {
          raced = true
          tomorrow.append('t', { type: 'x', who: 'tomorrow' })
          expect(tomorrow.read('t').records.map(record => record.event.who)).toEqual(['tomorrow'])
        }
        return NOON
      },
    })
    const mine = today.append('t', { type: 'x', who: 'today' })
    const { records } = today.read('t')
    expect(records.map(record => record.event.who)).toEqual(['tomorrow', 'today'])
    expect(records.filter(record => record.id === mine.id)).toHaveLength(1)
  })

  it('goes on in another file of the day when one is full, and sweeps the full ones of a day that never comes', () => {
    const dir = scratch()
    open(dir, Date.UTC(2099, 0, 1)).append('t', { type: 'x', n: 0 })
    const store = (now: number) => localStore({ dir, now: () => now, boot: 'later', uptimeMs: () => now })
    const grow = (): void => {
      const newest =
        readdirSync(join(dir, 'targets', 't'))
          .sort()
          .at(-1) ?? ''
      appendFileSync(join(dir, 'targets', 't', newest), '\n'.repeat(8 * 1024 * 1024))
    }
    const events = () =>
      store(NOON)
        .read('t')
        .records.map(record => record.event.n)
    const days = () => readdirSync(join(dir, 'targets', 't')).sort()
    for (const n of [1, 2]) {
      grow()
      store(NOON + n).append('t', { type: 'ok', n })
    }
    expect(events()).toEqual([0, 1, 2])
    expect(days()).toEqual(['2099-01-01.jsonl', '2099-01-01~0001.jsonl', '2099-01-01~0002.jsonl'])
    grow()
    store(NOON + 90 * DAY).append('t', { type: 'ok', n: 3 })
    // The first holds a stamp that is still to come, and stays; `ok` is kept once.
    expect(days()).toEqual(['2099-01-01.jsonl', '2099-01-01~0003.jsonl'])
    expect(events()).toEqual([0, 3])
  })

  it('refuses a record of more than a page', () => {
    const store = open(scratch())
    expect(failure(() => store.append('t', { type: 'x', text: 'y'.repeat(4096) }))).toMatchObject({ code: 'TOO-LARGE' })
    expect(store.read('t')).toEqual({ records: [], bad: 0 })
  })
})

describe('bad lines', () => {
  const torn = '{"v":1,"id":"half a rec'

  it('skips, counts and places them, and keeps their neighbours', () => {
    const dir = scratch()
    const store = open(dir)
    const before = store.append('t', { type: 'x', n: 1 })
    appendFileSync(fileOf(dir, 't'), torn) // no newline: its writer was killed
    const after = store.append('t', { type: 'x', n: 2 })
    const more = [3, 4].map(n => store.append('t', { type: 'x', n }))
    appendFileSync(fileOf(dir, 't'), `${'\0'.repeat(300)}\n[]\n{"type":"x"}\n`)
    const reading = store.read('t')
    expect(reading.records).toEqual([before, after, ...more])
    expect(reading.bad).toBe(4)
    expect(reading.firstBad).toBe(`${fileOf(dir, 't')}:3: no whole record`)
  })

  it('counts a torn last line', () => {
    const dir = scratch()
    const store = open(dir)
    store.append('t', { type: 'x' })
    appendFileSync(fileOf(dir, 't'), torn)
    expect(store.read('t')).toMatchObject({ bad: 1, records: [{ event: { type: 'x' } }] })
  })

  it('counts none from before a reset: it was forgotten with the rest', () => {
    const dir = scratch()
    const store = open(dir)
    store.append('t', { type: 'x' })
    appendFileSync(fileOf(dir, 't'), torn)
    store.append('t', { type: 'reset' })
    expect(store.read('t')).toMatchObject({ bad: 0, records: [{}, { event: { type: 'reset' } }] })
    appendFileSync(fileOf(dir, 't'), torn)
    expect(store.read('t')).toMatchObject({ bad: 1, firstBad: expect.stringContaining(':5: ') })
  })

  it('refuses to read where they outnumber the good ones, until a reset', () => {
    const dir = scratch()
    const store = open(dir)
    for (const n of [1, 2, 3]) store.append('t', { type: 'refused', n })
    const path = fileOf(dir, 't')
    const spoil = (lines: number): void => {
      let left = lines
      writeFileSync(
        path,
        readFileSync(path, 'utf8').replaceAll('"host"', key => (left-- > 0 ? '"hosT"' : key)),
      )
    }
    spoil(1)
    expect(store.read('t')).toMatchObject({ bad: 1, records: [{}, {}] })
    spoil(1)
    expect(failure(() => store.read('t'))).toMatchObject({
      code: 'DAMAGED',
      message: `2 of 3 lines cannot be read, the first is ${path}:2: its checksum does not fit`,
      next: store.forgetCommand('t'),
    })
    spoil(3)
    expect(failure(() => store.read('t')).code).toBe('DAMAGED')
    expect(store.targets()).toEqual(['t'])
    store.append('t', { type: 'reset' })
    expect(store.read('t')).toMatchObject({ bad: 0, records: [{ event: { type: 'reset' } }] })
  })

  it('keep their days from being swept where they outnumber the good ones', () => {
    const dir = scratch()
    open(dir).append('t', { type: 'refused', rule: 'crash-loop', fingerprint: 'a' })
    const path = fileOf(dir, 't')
    writeFileSync(path, `${readFileSync(path, 'utf8').replace('"host"', '"hosT"')}torn\n`)
    open(dir, NOON + 60 * DAY).append('t', { type: 'ok' })
    expect(failure(() => open(dir, NOON + 60 * DAY).read('t')).code).toBe('DAMAGED')
  })

  it('counts a line that stands twice once, where it stood first', () => {
    const dir = scratch()
    const store = open(dir)
    const [first, second] = [store.append('t', { type: 'x', n: 1 }), store.append('t', { type: 'x', n: 2 })]
    const lines = readFileSync(fileOf(dir, 't'))
    appendFileSync(fileOf(dir, 't'), lines)
    expect(store.read('t')).toEqual({ records: [first, second], bad: 0 })
  })

  it('sees a changed byte, a record of another target and one of an unknown version', () => {
    const dir = scratch()
    const store = open(dir)
    store.append('t', { type: 'x', n: 1 })
    store.append('other', { type: 'x', n: 2 })
    const path = fileOf(dir, 't')
    writeFileSync(path, readFileSync(path, 'utf8').replace('"n":1', '"n":7'))
    appendFileSync(path, readFileSync(fileOf(dir, 'other')))
    const body = '{"v":2,"id":"a","target":"t"'
    appendFileSync(path, `${body},"crc":"${crc32(Buffer.from(body))}"}\n`)
    const lines = decodeAll('t', '2026-11-22.jsonl', readFileSync(path))
    expect(lines.records).toEqual([])
    expect(lines.bad.map(bad => bad.why)).toEqual([
      'its checksum does not fit',
      'a record of another target',
      'a record of version 2, which this bootcheck does not know',
    ])
  })

  it('takes no record that lacks what each has, whatever its checksum says', () => {
    const record = { id: 'r', event: { type: 'x' }, wallMs: 1, boot: 'b', uptimeMs: 2, pid: 3, started: '4', host: 'h' }
    const odd: readonly object[] = [
      { event: null },
      { event: {} },
      { event: { type: 'x', deep: {} } },
      { event: [] },
      { wallMs: 1e16 },
      { wallMs: '1' },
      { uptimeMs: null },
      { pid: 1.5 },
      { boot: 7 },
      { host: undefined },
    ]
    for (const each of odd)
      expect(decodeAll('t', '2026-11-22.jsonl', encode('t', { ...record, ...each }))).toMatchObject({
        records: [],
        bad: [{ why: 'a record without what each record has' }],
      })
    const line = (body: string) => Buffer.from(`${body},"crc":"${crc32(Buffer.from(body))}"}\n`)
    const { records, bad } = decodeAll('t', '2026-11-22.jsonl', Buffer.concat(['null', '{"v":1,', '7'].map(line)))
    expect([records.length, bad.length]).toEqual([0, 3])
    const huge = encode('t', { ...record, event: { type: 'x', ms: 1 } })
      .toString()
      .trim()
    const body = huge.slice(0, huge.indexOf(',"crc"')).replace('"ms":1', '"ms":1e999')
    expect(decodeAll('t', '2026-11-22.jsonl', line(body)).bad).toHaveLength(1)
  })

  it('never loses a good record to what stands around it, whatever that is', () => {
    const record = { id: 'r', event: { type: 'x' }, wallMs: 1, boot: 'b', uptimeMs: 2, pid: 3, started: '4', host: 'h' }
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 6 }), pieces => {
        const parts = pieces.flatMap(piece => [Buffer.from(piece), encode('t', record)])
        const { records } = decodeAll('t', '2026-11-22.jsonl', Buffer.concat(parts))
        expect(records.map(each => each.record)).toEqual(pieces.map(() => record))
      }),
    )
  })

  it('computes the checksum that everybody else does', () => {
    expect(crc32(Buffer.from('123456789'))).toBe('cbf43926') // the check value of CRC-32/ISO-HDLC
  })
})

describe('names', () => {
  it('gives every target a safe name of its own, capitals and case-insensitive disks in mind', () => {
    const odd = [
      'gateway',
      'Gateway',
      'GATEWAY',
      'codex/grok-4.20',
      'login:naver',
      '',
      '.',
      '..',
      '../x',
      '%empty',
      'a b',
      'ä',
      'a\u0308',
      'ſ',
      'K',
      '\ud800',
      '\udc00',
      '\ufffd',
      'con',
      'a\0b',
      '~',
      '-rf',
      'x'.repeat(5000),
      `${'x'.repeat(5000)}y`,
      `${'x'.repeat(120)}%~`,
      '💥'.repeat(60),
    ]
    const names = odd.map(folderName)
    for (const name of names) {
      expect(name).toMatch(/^[a-z0-9_%~-][a-z0-9._%~-]*$/)
      expect(name.length).toBeLessThanOrEqual(200)
    }
    expect(new Set(names).size).toBe(odd.length)
    expect(folderName('codex/grok-4.20')).toBe('codex%2fgrok-4.20')
  })

  it('never gives two targets one name', () => {
    const text = fc.string({ unit: 'binary', maxLength: 300 })
    fc.assert(fc.property(text, text, (a, b) => a === b || folderName(a) !== folderName(b)))
  })

  it('really stores under every one of them', () => {
    const store = open(scratch())
    for (const target of ['..', '', 'a/b', '\ud800', 'x'.repeat(2000)]) {
      store.append(target, { type: 'x' })
      expect(store.read(target)).toMatchObject({ records: [{ event: { type: 'x' } }], bad: 0 })
    }
  })

  it('appends to the newest bucket, or a newer one', () => {
    expect(bucketFor(NOON, [])).toBe('2026-11-22.jsonl')
    expect(bucketFor(NOON, ['2026-11-20.jsonl'])).toBe('2026-11-22.jsonl')
    expect(bucketFor(NOON, ['2026-11-20.jsonl', '2099-01-01.jsonl'])).toBe('2099-01-01.jsonl')
    expect(bucketFor(NOON, ['2026-11-20.jsonl'], true)).toBe('2026-11-22.jsonl')
    let newest = '2026-11-22.jsonl'
    for (let n = 1; n < 200; n++) {
      const next = bucketFor(NOON, [newest], true)
      expect(next > newest && isBucket(next)).toBe(true)
      newest = next
    }
  })
})

describe('absent is not unreadable', () => {
  it.each([
    ['the state folder', ''],
    ['the folder of a target', 'targets/t'],
  ])('refuses %s that others may write', (_, below) => {
    const dir = join(scratch(), 'state')
    open(dir).append('t', { type: 'x' })
    const path = join(dir, below)
    for (const mode of [0o770, 0o707, 0o1777]) {
      chmodSync(path, mode)
      for (const action of [() => open(dir).read('t'), () => open(dir).append('t', { type: 'x' })]) {
        const error = failure(action)
        expect(error.code).toBe('NOT-PRIVATE')
        expect(error.message).toContain(
          `may be written by others (mode ${mode === 0o1777 ? '1777' : `0${mode.toString(8)}`})`,
        )
        expect(error.next).toBe(`chmod go-w ${path.replace(/\/$/, '')}`)
      }
    }
  })

  it('takes a folder that others may only look into (systemd makes StateDirectory= 0755)', () => {
    const dir = scratch()
    chmodSync(dir, 0o755)
    open(dir).append('t', { type: 'x' })
    expect(open(dir).read('t').records).toHaveLength(1)
  })

  it("refuses a folder of somebody else's", () => {
    const dir = join(scratch(), 'state')
    open(dir).append('t', { type: 'x' })
    chownSync(dir, NOBODY, NOBODY)
    expect(failure(() => open(dir).read('t'))).toMatchObject({ code: 'NOT-OURS', path: dir })
    expect(failure(() => open(dir).append('t', { type: 'x' })).message).toContain(`belongs to uid ${NOBODY}`)
  })

  it('refuses a file in place of the folder, a folder, a link or a FIFO in place of a bucket', () => {
    const root = scratch()
    const file = join(root, 'file')
    writeFileSync(file, '')
    expect(failure(() => open(file).read('t')).code).toBe('NOT-A-FOLDER')
    expect(failure(() => open(file).append('t', { type: 'x' })).code).toBe('NOT-A-FOLDER')
    for (const action of ['append', 'read', 'targets'] as const)
      expect(failure(() => open(join(file, 'below', 'state'))[action]('t' as never, { type: 'x' })).code).toBe(
        'NOT-A-FOLDER',
      )

    const dir = join(root, 'state')
    mkdirSync(fileOf(dir, 't'), { recursive: true, mode: 0o700 })
    expect(failure(() => open(dir).read('t'))).toMatchObject({
      code: 'EISDIR',
      next: `mv ${fileOf(dir, 't')} ${fileOf(dir, 't')}.aside && ${open(dir).forgetCommand('t')}`,
    })
    expect(failure(() => open(dir).append('t', { type: 'x' })).code).toBe('EISDIR')
    rmSync(fileOf(dir, 't'), { recursive: true })
    symlinkSync(file, fileOf(dir, 't'))
    expect(failure(() => open(dir).append('t', { type: 'x' })).code).toBe('ELOOP')
    expect(readFileSync(file, 'utf8')).toBe('')
    rmSync(fileOf(dir, 't'))
    execFileSync('mkfifo', ['-m', '600', fileOf(dir, 't')])
    expect(failure(() => open(dir).read('t')).code).toBe('NOT-REGULAR')
    expect(failure(() => open(dir).append('t', { type: 'x' })).code).toBe('ENXIO')

    symlinkSync(join(root, 'nowhere'), join(root, 'link'))
    for (const path of [join(root, 'link'), join(root, 'link', 'below')])
      for (const action of ['append', 'read', 'targets'] as const)
        expect(failure(() => open(path)[action]('t' as never, { type: 'x' }))).toMatchObject({
          code: 'DANGLING',
          path: join(root, 'link'),
        })

    mkdirSync(join(root, 'other', 'targets'), { recursive: true, mode: 0o700 })
    const folder = join(root, 'other', 'targets', 't')
    writeFileSync(folder, '')
    expect(open(join(root, 'other')).targets()).toEqual(['t'])
    const { code, next } = failure(() => open(join(root, 'other')).read('t'))
    expect(code).toBe('NOT-A-FOLDER')
    execFileSync('sh', ['-c', next])
    expect(open(join(root, 'other')).targets()).toEqual([])
    symlinkSync(join(root, 'nowhere'), folder)
    expect(failure(() => open(join(root, 'other')).read('t')).code).toBe('DANGLING')
    expect(open(join(root, 'other')).targets()).toEqual(['t'])
  })

  it('checks the mode and the owner of a file that it reads, and says what is wrong in its own words', () => {
    const dir = join(scratch(), 'state')
    open(dir).append('t', { type: 'x' })
    chmodSync(fileOf(dir, 't'), 0o620)
    for (const action of [() => open(dir).read('t'), () => open(dir).append('t', { type: 'x' })])
      expect(failure(action)).toMatchObject({
        code: 'NOT-PRIVATE',
        message: expect.stringMatching(/^\/.*\.jsonl may be written by others \(mode 0620\)/),
        next: `chmod go-w ${fileOf(dir, 't')}`,
      })
    chmodSync(fileOf(dir, 't'), 0o600)
    chownSync(fileOf(dir, 't'), NOBODY, NOBODY)
    for (const action of [() => open(dir).read('t'), () => open(dir).append('t', { type: 'x' })])
      expect(failure(action)).toMatchObject({
        code: 'NOT-OURS',
        next: `sudo -u '#${NOBODY}' bootcheck state --state-dir ${dir}`,
      })
  })

  it('takes a record that lacks only its newline for kept, once', async () => {
    // The file may grow to 4 KiB and no further: as on a full disk, a write is cut short there.
    const file = await program(`
      import { statSync, writeFileSync } from 'node:fs'
      import { localStore } from '@/core/local-store.ts'
      const dir = process.argv[2] ?? ''
      const store = localStore({ dir, now: () => ${NOON}, boot: 'b', uptimeMs: () => 1 })
      const fileOf = (target: string) => dir + '/targets/' + target + '/2026-11-22.jsonl'
      store.append('a', { type: 'x' })
      store.append('b', { type: 'x' })
      const { size } = statSync(fileOf('a'))
      const room = (missing: number) => writeFileSync(fileOf('b'), '\\n'.repeat(4096 - size + missing), { mode: 0o600 })
      for (const missing of [1, 2]) {
        room(missing)
        let said = 'kept'
        try { store.append('b', { type: 'x' }) } catch (error) { said = (error as Error).message }
        let read = ''
        try { read = String(store.read('b').records.length) } catch (error) { read = (error as { code: string }).code }
        console.log(said + ' ' + read)
      }
    `)
    const dir = join(scratch(), 'state')
    const { out, err } = await start(file, [dir], { unshared: 'ulimit -f 8' }).ended
    expect(err).toBe('')
    expect(out).toMatch(/^kept 1\nonly \d+ of \d+ bytes went into .*b\/2026-11-22\.jsonl DAMAGED\n$/)
  })

  const tryBoth = `
    import { localStore } from '@/core/local-store.ts'
    const store = localStore({ dir: process.argv[2] ?? '', now: Date.now })
    const report = (action: () => unknown) => {
      try { return JSON.stringify(action()) } catch (error) { const { name, code, message, next } = error as never as Record<string, string>; return [name, code, message, next].join(' | ') }
    }
    console.log(report(() => store.read('t').records.length))
    console.log(report(() => store.append('t', { type: 'x', filler: 'y'.repeat(Number(process.argv[3] ?? 0)) }).event.type))
  `

  it('tells an unreadable folder from an absent one, as a user without rights', async () => {
    const dir = join(publicFolder(), 'state')
    mkdirSync(dir, { mode: 0o700 })
    chownSync(dir, NOBODY, NOBODY)
    const file = await program(tryBoth)
    expect((await start(file, [dir], { uid: NOBODY }).ended).out).toBe('0\n"x"\n')

    chmodSync(dir, 0o500)
    expect((await start(file, [dir], { uid: NOBODY }).ended).out).toBe('1\n"x"\n')
    chmodSync(join(dir, 'targets'), 0o000)
    const { out } = await start(file, [dir], { uid: NOBODY }).ended
    expect(out).toMatch(/^StoreError \| EACCES \| .* \| ls -ld .*\nStoreError \| EACCES /)
  })

  it('says so when the folder cannot be made', async () => {
    const dir = join(publicFolder(), 'state')
    const { out } = await start(await program(tryBoth), [dir], { uid: NOBODY }).ended
    expect(out).toMatch(/^(StoreError \| EACCES \| cannot make .*state: this user may not \| ls -ld .*\n){2}$/)
  })

  it('says so on a read-only file system and on a full disk, and a torn line hurts nobody later', async () => {
    const file = await program(tryBoth)
    const mount = scratch()
    const readOnly = await start(file, [join(mount, 'state')], { unshared: `mount -t tmpfs -o ro none ${mount}` }).ended
    expect(readOnly.out).toMatch(/^(StoreError \| EROFS \| .*read-only \| df -h .*\n){2}$/)

    const full = await start(file, [join(mount, 'state'), '3000'], {
      unshared: `mount -t tmpfs -o size=16k none ${mount}\nhead -c 16k /dev/zero > ${mount}/ballast || true`,
    }).ended
    expect(full.out).toMatch(/^0\nStoreError \| ENOSPC \| cannot write .*: the disk is full \| df -h /)

    // One page is left: the first record of 3 KB fits, the second is cut short or refused, and a third fits once there is room.
    const cut = await program(`
      import { rmSync } from 'node:fs'
      import { localStore } from '@/core/local-store.ts'
      const mount = process.argv[2] ?? ''
      const store = localStore({ dir: mount + '/state', now: Date.now })
      const add = () => { try { store.append('t', { type: 'x', filler: 'y'.repeat(3000) }); return 'kept' } catch (error) { return (error as { code: string }).code } }
      console.log(JSON.stringify([add(), add()]))
      rmSync(mount + '/ballast')
      console.log(add())
      const { records, bad } = store.read('t')
      console.log(JSON.stringify({ records: records.length, bad }))
    `)
    const { out, err } = await start(cut, [mount], {
      unshared: `mount -t tmpfs -o size=16k none ${mount}\nhead -c 12k /dev/zero > ${mount}/ballast`,
    }).ended
    expect(err).toBe('')
    const [adds, third, read] = out
      .trim()
      .split('\n')
      .map(line => (line.startsWith('kept') ? line : JSON.parse(line)))
    expect(adds[0]).toBe('kept')
    expect(adds[1]).toMatch(/^(SHORT-WRITE|ENOSPC)$/)
    expect(third).toBe('kept')
    expect(read).toEqual({ records: 2, bad: adds[1] === 'SHORT-WRITE' ? 1 : 0 })
  })
})

describe('many processes', () => {
  it('loses none of 50 records that 50 processes append at once, and gives each a rank of its own', async () => {
    const file = await program(`
      import { readSync } from 'node:fs'
      import { localStore } from '@/core/local-store.ts'
      const store = localStore({ dir: process.argv[2] ?? '', now: Date.now })
      console.log('ready')
      readSync(0, Buffer.alloc(8))
      const { id } = store.append('t', { type: 'x', who: Number(process.argv[3]) })
      const { records, bad } = store.read('t')
      console.log(JSON.stringify({ rank: records.findIndex(record => record.id === id), bad }))
    `)
    const dir = join(scratch(), 'state')
    const all = Array.from({ length: 50 }, (_, who) => start(file, [dir, String(who)]))
    for (const one of all) expect(await one.line()).toBe('ready')
    for (const one of all) one.tell('go')
    const answers = await Promise.all(all.map(async one => JSON.parse(await one.line())))
    await Promise.all(all.map(one => one.ended))

    const { records, bad } = open(dir).read('t')
    expect(bad).toBe(0)
    expect(records.map(record => record.event.who).sort((a, b) => Number(a) - Number(b))).toEqual(
      all.map((_, who) => who),
    )
    expect(new Set(records.map(record => record.pid)).size).toBe(50)
    expect(answers.map(answer => answer.rank).sort((a, b) => a - b)).toEqual(all.map((_, rank) => rank))
    expect(answers.every(answer => answer.bad === 0)).toBe(true)
  })

  it('loses no neighbour when writers are killed in the act', async () => {
    const file = await program(`
      import { writeSync } from 'node:fs'
      import { localStore } from '@/core/local-store.ts'
      const store = localStore({ dir: process.argv[2] ?? '', now: Date.now })
      for (let n = 0; ; n++) {
        store.append('t', { type: 'x', who: process.argv[3] ?? '', n })
        writeSync(1, n + '\\n') // told only once it is on disk
      }
    `)
    const dir = join(scratch(), 'state')
    const told: [who: string, n: number][] = []
    for (let round = 0; round < 8; round++) {
      const writers = [0, 1, 2].map(n => `${round}-${n}`)
      await Promise.all(
        writers.map(async who => {
          const writer = start(file, [dir, who])
          await writer.line()
          for (let n = 0; n < 5 + round; n++) await writer.line()
          writer.process.kill('SIGKILL')
          const { signal, out } = await writer.ended
          expect(signal).toBe('SIGKILL')
          const last = out.trimEnd().split('\n').at(-1)
          told.push([who, Math.max(5 + round, Number(last || 0))])
        }),
      )
    }
    const { records, bad } = open(dir).read('t')
    for (const [who, last] of told) {
      const kept = records.filter(record => record.event.who === who).map(record => record.event.n)
      expect(kept.slice(0, last + 1)).toEqual(Array.from({ length: last + 1 }, (_, n) => n))
    }
    expect(bad).toBeLessThanOrEqual(told.length)
  })
})

describe('where and when', () => {
  it('follows the XDG base directory specification, and macOS', () => {
    const home = '/home/claw'
    expect(stateFolder({ env: {}, home, platform: 'linux' })).toBe('/home/claw/.local/state/bootcheck')
    expect(stateFolder({ env: { XDG_STATE_HOME: '/var/x' }, home, platform: 'linux' })).toBe('/var/x/bootcheck')
    expect(stateFolder({ env: { XDG_STATE_HOME: 'x' }, home, platform: 'linux' })).toBe(
      '/home/claw/.local/state/bootcheck',
    )
    expect(stateFolder({ env: { XDG_STATE_HOME: '' }, home, platform: 'linux' })).toBe(
      '/home/claw/.local/state/bootcheck',
    )
    expect(stateFolder({ env: {}, home: '/Users/claw', platform: 'darwin' })).toBe(
      '/Users/claw/Library/Application Support/bootcheck',
    )
  })

  it.each([
    [
      'within a boot by uptime, whatever the clock was set to',
      { boot: 'a', wallMs: 99_000, uptimeMs: 1000 },
      { boot: 'a', wallMs: 0, uptimeMs: 4000 },
      3000,
    ],
    [
      'across boots by the wall clock',
      { boot: 'a', wallMs: 1000, uptimeMs: 9000 },
      { boot: 'b', wallMs: 5000, uptimeMs: 1 },
      4000,
    ],
    [
      'a stamp of the future counts as now',
      { boot: 'a', wallMs: 9000, uptimeMs: 1 },
      { boot: 'b', wallMs: 5000, uptimeMs: 1 },
      0,
    ],
    [
      'an uptime that ran backwards is of no use',
      { boot: 'a', wallMs: 1000, uptimeMs: 9000 },
      { boot: 'a', wallMs: 5000, uptimeMs: 1 },
      4000,
    ],
  ])('measures %s', (_, from, to, expected) => {
    expect(elapsedMs(from, to)).toBe(expected)
  })
})
