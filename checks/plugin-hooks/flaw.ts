/** What is wrong with one plugin or hook, as data. */

import type { JsonError } from '../../core/json-text.ts'
import { excerpt } from '../../core/text.ts'

/** The second half of a code. Worst first: the summary names the first one met in this order. */
export const WHATS = {
  'config-missing': 'the config of the preset, or a file of `from`, is not there',
  'config-broken': 'a config file is no JSON or JSON5; the finding has the line and the column',
  'config-invalid':
    'a config file parses, but holds something else than the product takes in the place that names plugins or hooks',
  'path-missing': 'a load path, a folder of hooks or a path that a pointer leads to does not exist',
  'not-installed': 'the config names a plugin or hook that is nowhere',
  'manifest-missing': 'a plugin has no manifest, so its host refuses it',
  'manifest-broken': 'a manifest, a package.json or the front matter of a HOOK.md cannot be parsed',
  'manifest-invalid': 'a manifest parses, but lacks what its schema requires',
  'entry-missing': 'the file that would be loaded is not there, or is empty',
  'entry-outside': 'the file that would be loaded lies outside its package once links are followed',
  'handler-missing': 'a HOOK.md has no handler beside it, so the hook vanishes without a word',
  'file-missing': 'another file or folder that a manifest names is not there',
  'import-missing': 'a module imports a file that does not exist',
  'package-missing': 'a module imports a package that is not installed, or that does not have what is asked of it',
  syntax: 'a module, or JSON that it imports, cannot be parsed: cut off, or no JavaScript',
  unreadable: 'a file is there and this user may not read it',
  'load-threw': 'loading it throws (depth: load)',
  'load-late': 'it loads, and then throws within the time to settle (depth: load)',
  'load-exit': 'it ends the process that loads it (depth: load)',
  'load-hung': 'it does not finish loading in time: an endless loop, or an await that never ends (depth: load)',
  'load-export': 'it loads, but does not export the function that its host calls (depth: load)',
  'node-missing': 'the interpreter of the option node cannot be run (depth: load)',
  'nothing-here': 'a glob or a JSON pointer leads to nothing, or a folder holds nothing to load',
  'too-few': 'fewer plugins and hooks are active than `min` asks for',
  'optional-missing': 'what a module imports inside try, or what a type alone would need, is not there (a warning)',
  'requirement-missing':
    'a hook is switched on, but a program, a variable or a setting that it requires is not there (a warning)',
  inactive: 'a plugin or hook is there and broken, and nothing switches it on or off (a warning)',
  'not-loaded': 'it could not be loaded here, so that it loads is not proved (a warning; depth: load)',
  unproved: 'there was more than may be read at a start, so some modules were not looked at (a warning)',
} as const

type What = keyof typeof WHATS

export interface Flaw {
  readonly what: What
  readonly level: 'fail' | 'warn'
  /** Absolute. */
  readonly path: string
  readonly line?: number
  readonly column?: number
  /** Follows the place: `imports ./lib/policy.js, which does not exist`. */
  readonly message: string
  /** What should be there instead; the kind's own words without it. */
  readonly expected?: string
  /** A better next step than the one of the plugin. */
  readonly next?: string
  /** The path that is not there: what lies around it shows the gap. */
  readonly missing?: string
  /** A package to install, and the folder to install it in; without a name what its package.json asks for. */
  readonly install?: { readonly name: string | undefined; readonly into: string }
}

/** A manifest that is no JSON, with the place and the line. */
export const brokenManifest = (path: string, { line, column, message, frame }: JsonError): Flaw => ({
  what: 'manifest-broken',
  level: 'fail',
  path,
  line,
  column,
  message: `cannot be parsed: ${message}${frame === '' ? '' : ` in \`${excerpt(frame, 80)}\``}`,
  expected: 'a manifest that can be parsed',
})
