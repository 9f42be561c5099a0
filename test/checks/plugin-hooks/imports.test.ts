import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Import, readImports } from '../../../checks/plugin-hooks/imports.ts'
import { sketch } from '../../../checks/plugin-hooks/sketch.ts'
import { compiles } from '../../../checks/plugin-hooks/syntax.ts'

const exact = async (text: string, path = 'a.mjs', keys: string[] = []): Promise<readonly Import[]> => {
  const read = await readImports(text, path, keys)
  if (read.error) throw new Error(read.error.message)
  return read.imports
}
const names = async (text: string, path?: string): Promise<string[]> =>
  (await exact(text, path)).map(one => one.specifier).sort()

describe('real imports', () => {
  const REAL: readonly (readonly [string, string, readonly string[]])[] = [
    [
      'static forms',
      "import './a'\nimport b from './b'\nimport * as c from \"./c\"\nexport * from './d'\nexport * as e from './e'\nexport { f } from './f'\nimport g, { h as i } from './g'",
      ['./a', './b', './c', './d', './e', './f', './g'],
    ],
    [
      'minified',
      'import{a as b}from"./a";import"./b";export{c}from"./c";export*from"./d";const e=await import("./e")',
      ['./a', './b', './c', './d', './e'],
    ],
    [
      'comments inside',
      "import /* x */ a /* from './no' */ from /* y */ './a' // z\nimport(/* webpackIgnore: true */ './b')\nimport(\n  // why\n  './c'\n)",
      ['./a', './b', './c'],
    ],
    [
      'attributes',
      "import a from './a.json' with { type: 'json' }\nimport('./b.json', { with: { type: 'json' } })",
      ['./a.json', './b.json'],
    ],
    ['templates without holes', 'import(`./a`)\nimport(`./${x}`)', ['./a']],
    ['inside a template', 'const a = `${await import("./a")} import("./no")`', ['./a']],
    [
      'createRequire',
      "import { createRequire } from 'node:module'\nconst require = createRequire(import.meta.url)\nrequire('./a')\nrequire.resolve('./b')",
      ['./a', './b', 'node:module'],
    ],
    [
      'createRequire renamed',
      'import{createRequire as e}from"module";const t=e(import.meta.url);t("./a")',
      ['./a', 'module'],
    ],
    [
      'createRequire by member',
      "import m from 'node:module'\nconst r = m.createRequire(import.meta.url)\nr('./a')\nm.createRequire(import.meta.url)('./b')",
      ['./a', './b', 'node:module'],
    ],
    ['resolve', "import.meta.resolve('./a')", ['./a']],
    ['string names', 'import { "a;b (c)" as d } from "./a"\nexport { "e = f" as g } from "./b"', ['./a', './b']],
    [
      'after a regex and a division',
      "const a = /['\"]/.test(b) / 2 / c\nimport('./a')\nconst d = e\n/ 2 /import('./b')",
      ['./a', './b'],
    ],
    [
      'spread and optional calls',
      'f(...require("./a"), ...(await import("./b")))\nrequire?.("./c")',
      ['./a', './b', './c'],
    ],
  ]

  it.each(REAL)('%s', async (_, text, expected) => {
    expect(await names(text)).toEqual(expected)
    const seen = sketch(text)
    expect(seen.candidates.map(one => one.specifier)).toEqual(expect.arrayContaining([...expected]))
  })

  it('of CommonJS', async () => {
    const text =
      "const a = require('./a'), { b } = require(`./b`)\nmodule.exports = require('./c')\nmodule.require('./d')\nif (x) y = require('./e').z"
    expect(await names(text, 'a.cjs')).toEqual(['./a', './b', './c', './d', './e'])
    expect(sketch(text).candidates).toHaveLength(5)
  })

  it('of TypeScript and JSX', async () => {
    const text =
      "import a = require('./a')\nimport { type B, c } from './c'\nexport type { D } from './d'\nexport const e = <T,>(x: T) => <p title={`${a}`}>import './no' from './no' {c} it's</p>\nlet f: import('./f').F"
    expect(await names(text, 'a.tsx')).toEqual(['./a', './c'])
  })

  it('with escapes are left to the parser', async () => {
    expect(sketch("import './\\u0061'")).toMatchObject({ unsure: true })
    expect(await names("import './\\u0061'")).toEqual(['./a'])
    expect(sketch(`import /*${'x'.repeat(5000)}*/ './a'`)).toMatchObject({ unsure: true })
  })
})

describe('what is no import', () => {
  it.each([
    [
      'strings, comments, regular expressions',
      "const a = \"import './a'\"\n// import './b'\n/* require('./c') */\nconst d = /import '.\\/d'/\nconst e = `import './e'`",
    ],
    [
      'other things of the name',
      "loader.import('./a'); Buffer.from('./b'); x.require('./c'); const y = { import: './d', from: './e' }",
    ],
    ['a parameter', "((require, module, exports) => { require('./a') })()"],
    ['a function of its own', "function require(x) { return x }\nrequire('./a')"],
    ['AMD', "define(['require', './b'], function (require) { require('./a') })"],
    ['prose', "throw new Error(`cannot read from './a'`)\nconst x = 'taken from \"Object\"'"],
  ])('%s', async (_, text) => {
    expect(await names(text, 'a.cjs')).toEqual([])
  })

  it('an inner name hides require only where it stands', async () => {
    expect(
      await names("require('./a'); (function (require) { require('./no') })(); (() => require('./b'))()", 'a.cjs'),
    ).toEqual(['./a', './b'])
  })
})

describe('circumstances', () => {
  const one = async (text: string, path?: string) => (await exact(text, path))[0]

  it('guarded: try with a catch, and promises that are caught', async () => {
    expect(await one("try { require('./a') } catch {}")).toMatchObject({ guarded: true })
    expect(await one("try { (() => { require('./a') })() } catch {}")).toMatchObject({ guarded: true })
    expect(await one("try { x() } catch { require('./a') }")).toMatchObject({ guarded: false })
    expect(await one("try { require('./a') } finally {}")).toMatchObject({ guarded: false })
    expect(await one("import('./a').then(x => x).catch(y)")).toMatchObject({ guarded: true })
    expect(await one("import('./a').then(x, y)")).toMatchObject({ guarded: true })
    expect(await one("import('./a').then(x)")).toMatchObject({ guarded: false })
    expect(await one("import('./a').then(x => other().catch(y))")).toMatchObject({ guarded: false })
  })

  it('late: in functions and behind conditions', async () => {
    expect(await one("export const a = () => import('./a')")).toMatchObject({ late: true })
    expect(await one("if (process.platform === 'win32') require('./a')")).toMatchObject({ late: true })
    expect(await one("typeof require !== 'undefined' && require('./a')")).toMatchObject({ late: true })
    expect(await one("await import('./a')")).toMatchObject({ late: false })
  })

  it('elidable: only types, by word or by use', async () => {
    expect(await one("import { type A, type B } from './a'", 'a.ts')).toMatchObject({ elidable: true })
    expect(await one("import { A } from './a'\nlet x: A", 'a.ts')).toMatchObject({ elidable: true })
    expect(await one("import { A } from './a'\nlet x: { A: A } = y.A", 'a.ts')).toMatchObject({ elidable: true })
    expect(await one("import { A } from './a'\nclass B extends A {}", 'a.ts')).toMatchObject({ elidable: false })
    expect(await one("import { A } from './a'\nclass B implements A {}", 'a.ts')).toMatchObject({ elidable: true })
    expect(await one("import { A } from './a'\nexport { A }", 'a.ts')).toMatchObject({ elidable: false })
    expect(await one("import { A } from './a'\nconst b = { A } as B", 'a.ts')).toMatchObject({ elidable: false })
    expect(await one("import A from './a'\nexport const b = <A />", 'a.tsx')).toMatchObject({ elidable: false })
    expect(await one("import './a'", 'a.ts')).toMatchObject({ elidable: false })
    expect(await one("import { A } from './a'", 'a.js')).toMatchObject({ elidable: false })
  })

  it('places are 1-based', async () => {
    expect(await one("\n  import './a'")).toMatchObject({ line: 2, column: 10 })
    expect(await readImports('const a = [\n  1, 2', 'a.mjs')).toMatchObject({ error: { line: 2, column: 7 } })
  })

  it('a tree that is too deep is told, not thrown', async () => {
    expect(await readImports(`x = ${'['.repeat(100_000)}`, 'a.js')).toHaveProperty('error')
  })
})

describe('syntax', () => {
  it.each([
    [
      'a module',
      "#!/usr/bin/env node\nimport a, { b as c } from './a'\nexport { c as d }\nexport * from './e'\nexport default a => a\nawait a(import.meta.url)\n",
    ],
    ['default declarations', 'export default function () {}\nexport const a = 1'],
    ['a default class', 'export default class {}'],
    ['a named default', 'export default async function* a() { yield* a() }'],
    ['CommonJS with return', "#!/usr/bin/env node\nif (a) return\nmodule.exports = require('./a')"],
    ['minified', 'import{a as b}from"./a";export{b as default};export const c=1,d=import("./e");'],
    ['sloppy CommonJS', 'with (a) b = 010'],
  ])('takes %s', (_, text) => {
    expect(compiles(text)).toBe(true)
  })

  it.each([
    ['cut off in a function', 'export default () => {\n  return 1'],
    ['cut off in a string', "import a from './a'\nconst b = 'c"],
    ['cut off in an import', 'import { a, b'],
    ['cut off in a template', 'const a = `b'],
    ['HTML', '<!doctype html>\n<html></html>'],
    ['a conflict', '<<<<<<< HEAD\nconst a = 1\n=======\n'],
    ['NUL bytes', 'const a = 1\u0000\u0000\u0000'],
  ])('refuses %s', async (_, text) => {
    expect(compiles(text)).toBe(false)
    expect(await readImports(text, 'a.js')).toHaveProperty('error')
  })
})

describe('whatever the text holds', () => {
  const word = fc.constantFrom(
    'import',
    'export',
    'from',
    'require',
    'createRequire',
    "'./a'",
    '"./b"',
    '`./c`',
    '(',
    ')',
    '{',
    '}',
    '*',
    ',',
    ';',
    '\n',
    ' ',
    '/*',
    '*/',
    '//',
    '=',
    'as',
    'x',
    '...',
    '/',
    '`',
    '${',
    '.',
    'resolve',
    'default',
    'type',
  )
  const texts = fc.array(word, { maxLength: 40 }).map(words => words.join(' '))

  it('the fast look misses nothing that the parser finds', async () => {
    await fc.assert(
      fc.asyncProperty(texts, async text => {
        const read = await readImports(text, 'a.mjs')
        if (read.error) return
        const seen = sketch(text)
        if (seen.unsure) return
        const found = new Set(seen.candidates.map(one => one.specifier))
        expect(read.imports.filter(one => !found.has(one.specifier))).toEqual([])
      }),
      { numRuns: 2000 },
    )
  })

  it('is looked at in linear time', () => {
    for (const piece of [
      'from/*',
      'import {',
      'createRequire(',
      'export {',
      'from "',
      'import x ',
      'require /* */ ',
      "import './a'; //",
      'export default function ',
      '=createRequire(',
    ] as const) {
      const began = performance.now()
      const text = piece.repeat(Math.ceil(1_000_000 / piece.length))
      sketch(text, ['specifier'])
      compiles(text)
      expect(performance.now() - began, piece).toBeLessThan(20_000)
    }
  })
})
