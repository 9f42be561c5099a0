/** Asking the system's own small tools (ps, id, mount, lsof), with a bound on time and output. */

/**
 * What a tool prints on stdout; undefined if it is not there, failed, or took longer than `ms`. Times are in UTC. Blocks for as long as that.
 * Never give it a word from a manifest where the tool would take it for an option.
 */
export const ask = (tool: string, words: readonly string[], ms = 1000): string | undefined => {
  // Loaded at the first use: child_process costs 4 ms, and a start where all is well asks nobody.
  const { spawnSync } = process.getBuiltinModule('node:child_process')
  const asked = spawnSync(tool, [...words], {
    encoding: 'utf8',
    timeout: ms,
    killSignal: 'SIGKILL',
    maxBuffer: 4 * 1024 * 1024,
    stdio: ['ignore', 'pipe', 'ignore'],
    // Not the user's: what is asked for and how it prints must not hang on a service's PATH, language or time zone.
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin:/run/current-system/sw/bin', LC_ALL: 'C', TZ: 'UTC' },
  })
  return asked.status === 0 ? asked.stdout : undefined
}
