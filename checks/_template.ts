/** A kind to copy. The file's name is the kind, the test and the anchor in the docs. */
import { defineCheck } from '../core/check.ts'
import { stat } from '../core/files.ts'

export const template = defineCheck({
  kind: 'template',
  title: 'One line: what it proves',
  docs: `What it proves, in a sentence or two.

**Why it matters.** The failure that this would have prevented.

**What it cannot see.** Where it stays silent, so that nobody relies on it there.`,
  options: {
    type: 'object',
    additionalProperties: false,
    required: ['path'],
    properties: {
      path: { type: 'string', minLength: 1, format: 'path', description: 'The file that must be there' },
    },
  },
  codes: {
    there: 'the file exists',
    missing: 'nothing is there',
  },
  examples: [
    {
      title: 'A file that exists',
      files: { 'a.txt': 'hello' },
      options: { path: 'a.txt' },
      expect: { status: 'pass', code: 'template/there' },
    },
  ],
  run({ path }, ctx) {
    // Look, compare, answer.
    const facts = stat(ctx.path(path))
    if (!facts)
      return {
        status: 'fail',
        code: 'template/missing',
        summary: `${path} is missing`,
        observed: `nothing at ${path}`,
        expected: 'a file',
        next: `ls -la ${path}`,
        watched: [path],
      }
    return { status: 'pass', code: 'template/there', summary: `${path} is there`, watched: [path] }
  },
})
