/** OpenClaw's cron jobs as data: where they are, and what one looks like. Facts of OpenClaw 2026.9. */
import type { StateFolder } from '../core/state-folder.ts'
import { openclawState } from './openclaw-state.ts'

export interface CronPreset {
  readonly name: string
  readonly state: StateFolder
  /** File of the state folder by which a gateway is known that was set up and has not been started yet. */
  readonly config: string
  /** Job file of older releases, below the state folder. It is imported at the product's start, and then renamed. */
  readonly legacy: { readonly file: string; readonly renamed: string; readonly format: 'json5' }
  /** SQLite database below the state folder. */
  readonly store: { readonly file: string; readonly table: string }
  /** JSON Schema of one job. */
  readonly job: object
  /** How a job in the store is mended. */
  readonly mend: string
}

const text = { type: 'string', minLength: 1 } as const

const schedule = (kind: string, required: readonly string[], properties: object): object => ({
  if: { required: ['kind'], properties: { kind: { const: kind } } },
  // biome-ignore lint/suspicious/noThenProperty: JSON Schema's keyword
  then: { required, properties },
})

/** Lenient on purpose: a key or a kind that a later release adds is no error, a known one with a wrong value is. */
const job: object = {
  title: 'A cron job of OpenClaw',
  type: 'object',
  required: ['schedule', 'payload'],
  anyOf: [{ required: ['id'] }, { required: ['jobId'] }],
  properties: {
    id: text,
    jobId: text,
    name: { type: 'string' },
    enabled: { type: 'boolean' },
    createdAtMs: { type: 'number' },
    sessionTarget: text,
    wakeMode: text,
    schedule: {
      type: 'object',
      required: ['kind'],
      properties: { kind: text },
      allOf: [
        schedule('cron', ['expr'], { expr: text, tz: { type: 'string' }, staggerMs: { type: 'number', minimum: 0 } }),
        {
          if: { required: ['kind'], properties: { kind: { const: 'at' } } },
          // biome-ignore lint/suspicious/noThenProperty: JSON Schema's keyword
          then: {
            anyOf: [{ required: ['at'] }, { required: ['atMs'] }],
            properties: { at: { type: ['string', 'number'] } },
          },
        },
        schedule('every', ['everyMs'], {
          everyMs: { type: 'number', exclusiveMinimum: 0 },
          anchorMs: { type: 'number' },
        }),
        schedule('on-exit', ['command'], { command: text, cwd: { type: 'string' } }),
        schedule('stream', ['command'], { command: { type: 'array', minItems: 1, items: { type: 'string' } } }),
      ],
    },
    payload: {
      type: 'object',
      required: ['kind'],
      properties: { kind: text },
      allOf: [schedule('agentTurn', ['message'], { message: { type: 'string' } })],
    },
    delivery: { type: 'object' },
    state: { type: 'object' },
  },
}

export const openclawCron: CronPreset = {
  name: 'openclaw',
  state: openclawState,
  config: 'openclaw.json',
  legacy: { file: 'cron/jobs.json', renamed: 'cron/jobs.json.migrated', format: 'json5' },
  store: { file: 'state/openclaw.sqlite', table: 'cron_jobs' },
  job,
  mend: 'openclaw cron edit',
}
