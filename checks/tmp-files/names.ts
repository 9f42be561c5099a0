/** What the name of a temporary file tells about its writer. */

const UUID_END = /(^|[.-])[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\.tmp$/i
// Seven digits at most: Linux stops at 4,194,304, and longer numbers are dates and clock readings.
const PID_END = /[.-](\d{1,7})$/
const PID_AND_HEX = /[.-](\d{1,7})(?:[.-][0-9a-f]{4,32})?\.tmp$/i

/** The process id in names like `jobs.json.4711.9f3a21.tmp`, `.fs-safe-4711-<uuid>.tmp`, `x.4711.tmp`; undefined where there is none. */
export const writerPid = (name: string): number | undefined => {
  const match = UUID_END.test(name) ? PID_END.exec(name.replace(UUID_END, '')) : PID_AND_HEX.exec(name)
  const pid = Number(match?.[1] ?? 0)
  return pid > 0 ? pid : undefined
}
