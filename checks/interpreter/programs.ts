/** What differs from one interpreter to the next: how it tells its version, how it does nothing, which variables can keep it from starting. */

export interface Program {
  /** Prints the version; of Node, on a second line, the architecture that it runs as. */
  readonly tell: readonly string[]
  /** Starts it and does nothing. */
  readonly idle: readonly string[]
  /** Read before its first line of code. */
  readonly variables: readonly string[]
}

/** Of the dynamic loader: they reach every program. */
const LOADER = ['LD_PRELOAD', 'LD_LIBRARY_PATH', 'DYLD_INSERT_LIBRARIES', 'DYLD_LIBRARY_PATH']

const KNOWN: readonly (readonly [RegExp, Program])[] = [
  [
    /^node(?:js)?$/,
    {
      tell: ['-p', 'process.version + "\\n" + process.arch'],
      idle: ['-e', '0'],
      variables: ['NODE_OPTIONS', 'NODE_EXTRA_CA_CERTS', 'OPENSSL_CONF'],
    },
  ],
  [/^bun$/, { tell: ['--version'], idle: ['-e', '0'], variables: ['BUN_OPTIONS'] }],
  [/^deno$/, { tell: ['--version'], idle: ['eval', '0'], variables: ['DENO_V8_FLAGS'] }],
  [/^python[\d.]*$/, { tell: ['--version'], idle: ['-c', '0'], variables: ['PYTHONHOME', 'PYTHONPATH'] }],
  [/^ruby[\d.]*$/, { tell: ['--version'], idle: ['-e', '0'], variables: ['RUBYOPT', 'RUBYLIB'] }],
  [/^perl[\d.]*$/, { tell: ['-e', 'print $^V'], idle: ['-e', '0'], variables: ['PERL5OPT', 'PERL5LIB'] }],
]

/** By the name that it was asked for, not by that of the file behind it: a shim's file is called otherwise. */
export const programOf = (name: string): Program => {
  const known = KNOWN.find(([pattern]) => pattern.test(name))?.[1]
  const { tell, idle, variables } = known ?? { tell: ['--version'], idle: ['--version'], variables: [] }
  return { tell, idle, variables: [...variables, ...LOADER] }
}

/** Folders in which version managers keep stand-ins that pick the real program by the environment and the folder. */
export const isShim = (path: string): boolean =>
  /\/(?:\.asdf|\.nodenv|\.rbenv|\.pyenv|mise|\.local\/share\/mise|\.proto|rtx)\/shims\/|\/\.volta\/bin\/|\/volta-shim$/.test(
    path,
  )

/** A folder of a version manager: what is gone from there was removed with its version. */
export const isManaged = (path: string): boolean =>
  /\/(?:\.nvm|\.nodenv|\.rbenv|\.pyenv|\.asdf|\.volta|\.fnm|fnm|fnm_multishells|mise|\.proto|\.nodebrew|\.rvm|Cellar|\.sdkman)(?:\/|$)/.test(
    path,
  )
