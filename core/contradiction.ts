/** What a kind says of options that fit its schema and exclude each other, where no manifest was read that would have refused them. */
import type { Trouble } from './check.ts'

export const contradictory = (kind: string, wrong: string, expected = 'options that can be followed'): Trouble => ({
  status: 'fail',
  code: `${kind}/contradiction`,
  summary: wrong,
  observed: wrong,
  expected,
  next: `bootcheck explain ${kind}`,
})
