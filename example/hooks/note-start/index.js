import { appendFileSync } from 'node:fs'
import { join } from 'node:path'

/** Called once when the gateway listens. */
export default ({ workspace, port }) => appendFileSync(join(workspace, 'starts.log'), `listening on ${port}\n`)
