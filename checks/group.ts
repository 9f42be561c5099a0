/** Several ways to the same end: enough of them work. */
import { defineCheck } from '../core/check.ts'
import { judge } from './group/judge.ts'

const strings = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter(item => typeof item === 'string') : []

export const group = defineCheck({
  kind: 'group',
  title: 'Enough of several checks passed',
  docs: `Looks at the outcomes of checks above it and passes when \`at-least\` of them passed. The members carry \`severity: warn\`: each
one that does not work is reported as a warning, and only too few of them keep the gateway down. A member's own warning counts as passed,
since it works. A member that failed, timed out, crashed or was blocked does not count, nor does one that was skipped, and each is named.
Where nothing failed, and too many are skipped (\`skip\`, \`when\`, \`--skip-ids\`), the group warns: who switched them off wants the gateway up.

**Why it matters.** A preflight that takes one expired channel for a reason to stop keeps a gateway with three others down. One that
takes no channel for a reason starts a gateway that can tell nobody anything.

**What it cannot see.** Anything by itself: it is as good as its members. Members of another phase are refused by the grammar, since
their outcomes are not known when it runs.`,
  options: {
    type: 'object',
    additionalProperties: false,
    required: ['any-of'],
    properties: {
      'any-of': {
        type: 'array',
        minItems: 1,
        items: { type: 'string', minLength: 1, format: 'check-id' },
        description: 'Ids of checks above, each with `severity: warn`',
      },
      'at-least': { type: 'integer', minimum: 1, default: 1, description: 'So many of them must pass' },
    },
  },
  codes: {
    all: 'every member passed',
    enough: 'enough members passed, not all',
    'too-few': 'fewer members passed than needed',
    unseen:
      'fewer members passed than needed, and none of the others was run (a warning where all of these are skipped)',
  },
  examples: [
    {
      title: 'One of two places for the archive',
      files: { 'archive/': '' },
      above: {
        'usb-disk': { check: 'workspace', severity: 'warn', path: 'usb' },
        'own-disk': { check: 'workspace', severity: 'warn', path: 'archive' },
      },
      options: { 'any-of': ['usb-disk', 'own-disk'] },
      expect: { status: 'pass', code: 'group/enough' },
    },
    {
      title: 'Two of three are needed, and one is there',
      files: { 'a/': '' },
      above: {
        a: { check: 'workspace', severity: 'warn', path: 'a' },
        b: { check: 'workspace', severity: 'warn', path: 'b' },
        c: { check: 'workspace', severity: 'warn', path: 'c' },
      },
      options: { 'any-of': ['a', 'b', 'c'], 'at-least': 2 },
      expect: { status: 'fail', code: 'group/too-few' },
    },
    {
      title: 'The only member is skipped',
      above: {
        'usb-disk': { check: 'workspace', severity: 'warn', when: { env: { ARCHIVE: 'usb' } }, path: 'usb' },
      },
      options: { 'any-of': ['usb-disk'] },
      expect: { status: 'warn', code: 'group/unseen' },
    },
  ],
  conflict(given, { phase, above }) {
    const ids = strings(given['any-of'])
    const twice = ids.find((id, at) => ids.indexOf(id) !== at)
    if (twice !== undefined) return `"${twice}" stands twice under any-of`
    if (Number(given['at-least'] ?? 1) > ids.length)
      return `at-least is ${given['at-least']}, and any-of has only ${ids.length}`
    for (const id of ids) {
      const member = above.get(id)
      if (member && member.phase !== phase)
        return `"${id}" is of phase ${member.phase} and this group of phase ${phase}, so it never sees that outcome`
      if (member?.severity === 'fail')
        return `"${id}" keeps the gateway down by itself, whatever the group says: give it the line severity: warn`
    }
    return undefined
  },
  run: ({ 'any-of': members, 'at-least': atLeast }, ctx) => judge(members, atLeast, ctx),
})
