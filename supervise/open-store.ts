/** The store of a command line. */
import { NeedsChild } from '../core/contain.ts'
import { absolute } from '../core/context.ts'
import { localStore, stateFolder } from '../core/local-store.ts'
import { type Store, StoreError } from '../core/store.ts'
import { world as realWorld, type World } from '../core/world.ts'

export { StoreError }

export interface OpenStore {
  readonly store: Store
  /** The state folder, absolute. */
  readonly dir: string
}

/** The store in the folder of `--state-dir`, or in the platform's own. */
export const openStore = (stateDir: string | undefined, world: World = realWorld()): OpenStore => {
  const dir = stateDir === undefined ? stateFolder(world) : absolute(stateDir, world)
  return { store: localStore({ dir, now: world.now }), dir }
}

/** What is wrong with the store; throws what is no matter of the store. */
export const storeError = (error: unknown): StoreError => {
  if (error instanceof StoreError) return error
  if (error instanceof NeedsChild)
    return new StoreError(
      'MAY-HANG',
      error.what,
      `${error.what} lies on a file system that may hang`,
      'name a folder on a local disk with --state-dir',
    )
  throw error
}
