/** The shape of a product's data, so that a check needs no word of its own about any product. Pointers are JSON pointers into the config. */

import type { ProductConfig } from '../core/product-config.ts'

/** Where plugins or hooks are looked for. Relative paths start at the state folder, or at each workspace. */
export type Place = {
  /** `config`: named by the user. `managed`: put there by the product's installer. `workspace`: needs a word of consent in the config. */
  readonly origin: Origin
  readonly below?: 'workspace'
} & (
  | { /** Paths that the config lists. */ readonly list: string }
  | { /** Folders, each a plugin or a hook; `*` stands for any name. */ readonly folders: string }
  | { /** A folder of npm projects: what each one's package.json depends on is a plugin. */ readonly projects: string }
  | { /** One such project. */ readonly project: string }
)

export type Origin = 'config' | 'managed' | 'workspace' | 'global'

export interface Preset extends ProductConfig {
  /** What the config must fit, so that the places below can be read. */
  readonly schema: object
  readonly workspaces: { readonly variable: string; readonly pointers: readonly string[]; readonly folder: string }
  readonly plugins: {
    /** JSON5. */
    readonly manifest: { readonly file: string; readonly schema: object }
    readonly package: {
      readonly key: string
      readonly schema: object
      readonly entries: string
      readonly built: string
      readonly setup: string
      readonly builtSetup: string
    }
    /** Entries of a folder whose package.json names none. */
    readonly entries: readonly string[]
    readonly bundles: readonly string[]
    /** Pointers into the manifest, to other files or folders of the package. */
    readonly files: readonly string[]
    /** Properties whose string the host loads as a module. */
    readonly lazyKeys: readonly string[]
    readonly places: readonly Place[]
    /** Folders that are no plugins. */
    readonly ignored: readonly string[]
    readonly policy: {
      readonly enabled: string
      readonly allow: string
      readonly deny: string
      readonly entries: string
      /** Roles that one plugin has at a time, by kind. */
      readonly slots: Readonly<Record<string, string>>
      readonly slotDefaults: Readonly<Record<string, string>>
      /** The kind of which only the chosen one is loaded. */
      readonly exclusive: string
      readonly channels: string
    }
    /** Names that the product itself passes over. */
    readonly retired: readonly string[]
    /** Puts a plugin in order; `{name}` is its id. */
    readonly install: string
  }
  readonly hooks: {
    readonly document: string
    /** Key below `metadata` in the front matter. */
    readonly metadata: { readonly key: string; readonly schema: object }
    readonly handlers: readonly string[]
    readonly package: { readonly key: string; readonly list: string }
    readonly places: readonly Place[]
    readonly policy: { readonly enabled: string; readonly entries: string; readonly extra: string }
    /** Settings that a hook may require and that hold unless the config says no. */
    readonly trueByDefault: readonly string[]
  }
  /** Globs of packages that the host supplies. */
  readonly provided: readonly string[]
  readonly host: {
    readonly command: string
    readonly package: string
    readonly bundledVariable: string
    /** Below the package. */
    readonly plugins: string
    readonly hooks: string
    readonly known: readonly string[]
    readonly knownHooks: readonly string[]
  }
}
