/** A newer Node than the oldest that is supported, from a package: `npm test` installs it. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'

export const NEWER_NODE = join(
  import.meta.dirname,
  '../nodes/node_modules',
  `node-${process.platform}-${process.arch}`,
  'bin/node',
)

if (!existsSync(NEWER_NODE)) throw new Error(`${NEWER_NODE} is not there: npm ci in test/nodes, as \`npm test\` does`)
