/** `npm run generate`: rewrites the generated files. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { generated } from './generated.ts'

for (const [path, text] of Object.entries(await generated())) writeFileSync(join(process.cwd(), path), text)
