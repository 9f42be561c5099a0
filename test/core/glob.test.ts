import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import fc from 'fast-check'
import fg from 'fast-glob'
import { describe, expect, it } from 'vitest'
import { fits, type Globbed, glob, newNotes, scan } from '../../core/glob.ts'
import { asNobody } from '../support/as-nobody.ts'
import { context, scratch } from '../support/context.ts'

const lay = (cwd: string, ...files: string[]): void => {
  for (const file of files) {
    mkdirSync(dirname(join(cwd, file)), { recursive: true })
    if (file.endsWith('/')) mkdirSync(join(cwd, file), { recursive: true })
    else writeFileSync(join(cwd, file), '')
  }
}

const TREE = [
  'a.tmp',
  '.b.tmp',
  'x/a.tmp',
  'x/.hidden/c.tmp',
  'x/y/z/d.tmp',
  'x/y/e.txt',
  'w/[x]/f.tmp',
  'w/g (1)/h.tmp',
  'ab',
  'a1',
  'a2',
  'b.tmp/in.tmp',
]

describe('matches', () => {
  it('agrees with fast-glob, dotfiles on and links not followed', async () => {
    const cwd = scratch()
    lay(cwd, ...TREE)
    const piece = fc.constantFrom(
      '*',
      '**',
      '*.tmp',
      'x',
      'y',
      'a?',
      '.*',
      'w',
      '[ab]*',
      '{x,w}',
      '{a,.b}.tmp',
      '@(a|ab)',
      '!(a).tmp',
      '+(a)*',
      'a[0-9]',
      '*a*',
      '{x/y,w}',
      '\\[x\\]',
      '(a|ab)',
      '*.{txt,tmp}',
    )
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { minLength: 1, maxLength: 4 }), async pieces => {
        const pattern = pieces.join('/')
        if (pattern.startsWith('!')) return
        // To fast-glob a/** is also the file a, as in no shell.
        const wanted = fg
          .sync(pattern.replace(/\*\*$/, '**/*'), {
            cwd,
            dot: true,
            followSymbolicLinks: false,
            absolute: true,
            suppressErrors: true,
          })
          .sort()
        const { matches } = await glob([pattern], context({ cwd }))
        expect(matches, pattern).toEqual(wanted)
      }),
      { numRuns: 1000, seed: 20 },
    )
  })

  it('reads relative, home and absolute patterns, and never takes the folder itself for a pattern', async () => {
    const cwd = join(scratch(), 'odd [name] {x,y} *')
    lay(cwd, 'a.tmp', 'home/b.tmp')
    const ctx = context({ cwd, home: join(cwd, 'home') })
    expect((await glob(['*.tmp', '~/*.tmp'], ctx)).matches).toEqual([join(cwd, 'a.tmp'), join(cwd, 'home/b.tmp')])
    expect((await glob(['home/../*.tmp'], ctx)).matches).toEqual([join(cwd, 'a.tmp')])
    const plain = scratch()
    lay(plain, 'c.tmp')
    expect((await glob([`${plain}/*.tmp`], ctx)).matches).toEqual([join(plain, 'c.tmp')])
  })

  it('lets ? be any one character, at the start too', async () => {
    const cwd = scratch()
    lay(cwd, 'x/a.tmp', '.x/b.tmp', 'xy/c.tmp')
    expect((await glob(['?/*'], context({ cwd }))).matches).toEqual([join(cwd, 'x/a.tmp')])
    expect((await glob(['?x/?.tmp'], context({ cwd }))).matches).toEqual([join(cwd, '.x/b.tmp')])
  })

  it('takes brackets that ask for nothing, and escaped ones, for themselves', async () => {
    const cwd = scratch()
    lay(cwd, 'g (1)/a.tmp', 'g [2]/b.tmp')
    expect(
      (await glob(['*/g (1)/*', 'g (1)/a.tmp', 'g*(1)/*', 'g \\[2\\]/*', 'g*\\]/b.tmp'], context({ cwd }))).matches,
    ).toEqual([join(cwd, 'g (1)/a.tmp'), join(cwd, 'g [2]/b.tmp')])
  })

  it('counts a path once, whatever number of patterns fits it', async () => {
    const cwd = scratch()
    lay(cwd, 'a.tmp', 'b.tmp')
    expect((await glob(['*.tmp', 'a*', 'a.tmp', '{a,a*}.tmp'], context({ cwd }))).matches).toHaveLength(2)
  })

  it('finds folders when folders are wanted', async () => {
    const cwd = scratch()
    lay(cwd, 'ext/a/', 'ext/b/c/', 'ext/file')
    symlinkSync(join(cwd, 'ext/a'), join(cwd, 'ext/linked'))
    const found = await glob(['ext/*'], context({ cwd }), { want: 'folder' })
    expect(found.matches).toEqual([join(cwd, 'ext/a'), join(cwd, 'ext/b')])
    expect(found.links).toEqual([join(cwd, 'ext/linked')])
    const static_ = await glob(['ext/file', 'ext/a'], context({ cwd }), { want: 'folder' })
    expect(static_.matches).toEqual([join(cwd, 'ext/a')])
    expect(static_.problems).toMatchObject([{ pattern: 'ext/file', code: 'ENOTDIR' }])
  })
})

describe('what is not a match is told', () => {
  it('tells missing from empty', async () => {
    const cwd = scratch()
    lay(cwd, 'there/', 'file')
    const found = await glob(
      ['gone/*.tmp', 'gone.json', 'there/*.tmp', 'file/*.tmp', '{there,gone}/**'],
      context({ cwd }),
    )
    expect(found).toMatchObject({
      matches: [],
      missing: ['gone/*.tmp', 'gone.json', '{there,gone}/**'],
      empty: ['there/*.tmp'],
    })
    expect(found.problems).toMatchObject([{ pattern: 'file/*.tmp', code: 'ENOTDIR' }])
  })

  it('takes a folder in place of a file for a problem', async () => {
    const cwd = scratch()
    lay(cwd, 'jobs.json/')
    expect((await glob(['jobs.json'], context({ cwd }))).problems).toMatchObject([{ code: 'EISDIR' }])
  })

  it('never enters a link, and lists those that the pattern names', async () => {
    const cwd = scratch()
    lay(cwd, 'real/s/a.tmp', 'agents/main/sessions/b.tmp', 'agents/x/')
    symlinkSync(join(cwd, 'real'), join(cwd, 'agents/other'))
    symlinkSync(join(cwd, 'real/s'), join(cwd, 'agents/x/sessions'))
    symlinkSync(join(cwd, 'agents'), join(cwd, 'agents/x/loop'))
    const named = await glob(['agents/*/sessions/*.tmp'], context({ cwd }))
    expect(named.matches).toEqual([join(cwd, 'agents/main/sessions/b.tmp')])
    expect(named.links.sort()).toEqual([join(cwd, 'agents/other'), join(cwd, 'agents/x/sessions')])
    const deep = await glob(['agents/**/*.tmp'], context({ cwd }))
    expect(deep.matches).toEqual([join(cwd, 'agents/main/sessions/b.tmp')])
  })

  it('follows links where the path has no wildcard yet, and takes a link to a file for a file', async () => {
    const cwd = scratch()
    lay(cwd, 'real/a.json')
    symlinkSync('real', join(cwd, 'state'))
    symlinkSync('a.json', join(cwd, 'real/b.json'))
    symlinkSync('nowhere', join(cwd, 'real/c.json'))
    expect((await glob(['state/*.json'], context({ cwd }))).matches).toEqual(
      ['a', 'b', 'c'].map(name => join(cwd, `state/${name}.json`)),
    )
    expect((await glob(['state/c.json'], context({ cwd }))).matches).toEqual([join(cwd, 'state/c.json')])
  })

  it('refuses what it would misread', async () => {
    const found = await glob(['!x/*.tmp', '@(a/b|c)/*.tmp'], context({ cwd: scratch() }))
    expect(found.problems).toMatchObject([{ code: 'PATTERN' }, { code: 'PATTERN' }])
    expect(found.empty).toEqual([])
  })

  it('reports a folder that may not be read, beside what else there is', async () => {
    const cwd = scratch()
    chmodSync(cwd, 0o755)
    lay(cwd, 'a/shut/x.tmp', 'a/open/y.tmp')
    chmodSync(join(cwd, 'a/shut'), 0o000)
    const found = asNobody(`
      const { glob } = await load('core/glob.ts')
      return glob(['a/*/*.tmp', 'a/shut/*.tmp', 'a/shut/x.tmp', '**/*.tmp'], context(${JSON.stringify(cwd)}))`)
    expect(found).toMatchObject({ matches: [join(cwd, 'a/open/y.tmp')], missing: [], empty: [] })
    const shut = join(cwd, 'a/shut')
    expect((found as Globbed).problems.map(({ pattern, path, code }) => [pattern, path, code])).toEqual([
      ['a/*/*.tmp', shut, 'EACCES'],
      ['a/shut/*.tmp', shut, 'EACCES'],
      ['a/shut/x.tmp', join(shut, 'x.tmp'), 'EACCES'],
      ['**/*.tmp', shut, 'EACCES'],
    ])
  })
})

describe('bounds', () => {
  it('loads fast-glob only for what needs it', () => {
    const cwd = scratch()
    chmodSync(cwd, 0o755)
    const loaded = (pattern: string) =>
      asNobody(`
        const { glob } = await load('core/glob.ts')
        await glob([${JSON.stringify(pattern)}], context(${JSON.stringify(cwd)}))
        return Object.keys((await import('node:module')).default._cache).some(file => file.includes('fast-glob'))`)
    expect(loaded('a/b (1)/jobs.json')).toBe(false)
    expect(loaded('a*/**/?.tmp')).toBe(false)
    expect(loaded('[ab]/x')).toBe(true)
  })

  it('stops at the limit and says so', async () => {
    const cwd = scratch()
    lay(cwd, ...Array.from({ length: 30 }, (_, i) => `f${i}.tmp`))
    const found = await glob(['*.tmp'], context({ cwd }), { limit: 10 })
    expect(found.matches).toHaveLength(10)
    expect(found.tooMany).toBe(true)
    expect((await glob(['*.tmp', 'f1*'], context({ cwd }), { limit: 30 })).tooMany).toBe(false)
  })

  it('gives up when the deadline has passed', async () => {
    const cwd = scratch()
    lay(cwd, ...Array.from({ length: 200 }, (_, i) => `d${i % 50}/e${i}/f.tmp`))
    const ctx = context({ cwd, signal: AbortSignal.abort(new Error('too late')) })
    const late = async () => {
      for (let round = 0; round < 1000; round++) for await (const _ of scan('**/*.tmp', ctx, newNotes())) void _
    }
    await expect(late()).rejects.toThrow('too late')
  })

  it('matches a name in linear time', () => {
    expect(fits(`${'*a'.repeat(100)}b`, 'a'.repeat(255))).toBe(false)
    expect(fits('*.tmp', '.tmp')).toBe(true)
    expect(fits('a?c', 'abc')).toBe(true)
    expect(fits('a?c', 'ac')).toBe(false)
  })
})
