import type { ValidateFunction } from 'ajv'

/**
 * Validators by the stamp of their schema, each loaded when it is needed. Empty in the source, where they are made at the first use;
 * the build fills it with generated code, because loading ajv costs more than everything else that a start does.
 */
export const compiled: Readonly<Record<string, () => Promise<{ readonly default: ValidateFunction }>>> = {}
