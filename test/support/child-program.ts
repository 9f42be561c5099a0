/** What a child of the tests runs: one check, asked for as JSON in argv, its verdict as JSON on stdout. */
import { writeSync } from 'node:fs'
import { homedir } from 'node:os'
import type { Check } from '../../core/check.ts'
import { enterChild } from '../../core/contain.ts'
import { contextOf } from '../../core/context.ts'
import type { ChildRequest } from './run-check.ts'

const isCheck = (value: unknown): value is Check => typeof value === 'object' && value !== null && 'kind' in value

export const main = async (exported: readonly unknown[]): Promise<void> => {
  enterChild()
  const request = JSON.parse(process.argv[2] ?? '') as ChildRequest
  const check = exported.filter(isCheck).find(({ kind }) => kind === request.kind)
  if (!check) throw new Error(`no kind ${request.kind}`)
  const uid = process.geteuid?.() ?? -1
  const ctx = contextOf(
    {
      id: 'under-test',
      cwd: request.cwd,
      manifest: null,
      home: request.home ?? homedir(),
      env: process.env,
      user: { uid, gid: process.getegid?.() ?? -1, name: `uid ${uid}` },
      phase: request.phase ?? 'before',
      running: request.running ?? false,
      attempt: 1,
      timeoutMs: request.timeoutMs ?? 5000,
    },
    [],
    {
      spentMs: 0,
      outcomes: new Map(),
      signal: AbortSignal.timeout(20_000),
      now: Date.now,
      store: {
        append: () => {
          throw new Error('this test gave the check no store')
        },
        read: () => ({ records: [], bad: 0 }),
        targets: () => [],
        sweep: () => 0,
        stamp: () => ({ wallMs: Date.now(), boot: 'of the tests', uptimeMs: 0 }),
        showCommand: target => `show ${target}`,
        forgetCommand: target => `forget ${target}`,
      },
    },
  )
  writeSync(1, JSON.stringify(await check.run(request.options as never, ctx)))
}
