import { describe, expect, it } from 'vitest'
import { shellAssignments, sourcedFiles } from '../../core/sourced.ts'

describe('the files that a wrapper reads', () => {
  it.each<[string, readonly string[], readonly string[]]>([
    ['env_file="$1"\nshift\n. "$env_file"\nexec "$@"', ['/e', 'gw'], ['/e']],
    ['. "$1"', ['/e'], ['/e']],
    ['shift\n. ${1}', ['/a', '/b'], ['/b']],
    ['[ -f /etc/default/gw ] && . /etc/default/gw\nsource /x/y', [], ['/etc/default/gw', '/x/y']],
    ['if [ -r "$1" ]; then . "$1"; fi', ['/e'], ['/e']],
    ['. "$HOME/.env"\n. "$(dirname "$0")/env"\n. relative', [], []],
    ['# . /e\necho . /e', [], []],
  ])('%j', (script, args, expected) => {
    expect(sourcedFiles(script, args)).toEqual(expected)
  })
})

describe('what a shell takes from such a file', () => {
  it('quotes are undone, and what is computed is left out', () => {
    const text = `# Generated\nexport PATH='/a:/b'\nexport Q='it'\\''s'\nexport D="a \\"b\\" \\$c"\nexport C="$HOME/x"\nexport E=\nPLAIN=1\n`
    expect(shellAssignments(text)).toEqual({ PATH: '/a:/b', Q: "it's", D: 'a "b" $c', E: '' })
    expect(shellAssignments(text, { all: true })).toMatchObject({ PLAIN: '1' })
    expect(shellAssignments('PATH=/a\nOTHER=1\n', { before: { PATH: '/b' } })).toEqual({ PATH: '/a' })
  })
})
