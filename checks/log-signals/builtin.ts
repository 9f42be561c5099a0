/**
 * Signs that any gateway on Node may give: the lines of the runtime, of SQLite, of launchd, of systemd and of HTTP clients. Plain text
 * only, which is searched in large pieces, and without a first letter that may be large or small.
 */
import type { SignalData } from '../../presets/signals.ts'

export const BUILTIN: readonly SignalData[] = [
  {
    name: 'sqlite-cantopen',
    patterns: [['SQLITE_CANTOPEN'], ['unable to open database file']],
    means:
      'SQLite could not open its database: the folder is missing or closed to this user, or an earlier error left it half made',
  },
  {
    name: 'sqlite-malformed',
    patterns: [['database disk image is malformed'], ['SQLITE_CORRUPT'], ['SQLITE_NOTADB'], ['file is not a database']],
    means: 'an SQLite database is damaged: nothing may write to it until it is restored',
  },
  {
    name: 'no-gui-session',
    patterns: [
      ['Bootstrap failed: 125'],
      ['omain does not support specified action'],
      ['ould not find domain for user gui'],
    ],
    means:
      'launchd has no GUI session of this user to start the agent in (error 125): nobody is logged in at the screen',
    next: 'launchctl print gui/$(id -u)',
  },
  {
    name: 'hook-reference',
    patterns: [
      ['Failed to load hook'],
      ['no readable handler'],
      ['ReferenceError', '/hooks/'],
      ['ReferenceError', 'hook'],
    ],
    means: 'a hook refers to a file or a name that is not there',
  },
  {
    name: 'address-in-use',
    patterns: [['EADDRINUSE'], ['ddress already in use']],
    means: 'another process holds the port: a second gateway, or one that never ended',
    next: process.platform === 'darwin' ? 'lsof -nP -iTCP -sTCP:LISTEN' : 'ss -ltnp',
  },
  {
    name: 'no-space',
    patterns: [['ENOSPC'], ['o space left on device']],
    means: 'a file system had no space or no inode left, or no inotify watch',
    next: 'df -h; df -i',
  },
  {
    name: 'key-refused',
    patterns: [
      ['nvalid API key'],
      ['nvalid api key'],
      ['nvalid_api_key'],
      ['nvalid x-api-key'],
      ['ncorrect API key'],
      ['API key expired'],
      ['API key not valid'],
      ['status code 401'],
      ['401 Unauthorized'],
      ['HTTP 401'],
    ],
    means: 'an API refused the credential: the key is expired, revoked or of another account',
  },
  {
    name: 'out-of-heap',
    patterns: [['JavaScript heap out of memory'], ['Reached heap limit']],
    means: "V8's heap was full, and the process was ended by it",
  },
  {
    name: 'restart-storm',
    patterns: [
      ['listening on '],
      ['tarting gateway'],
      ['ateway started'],
      ['ateway starting'],
      ['Scheduled restart job'],
      ['Service only ran for '],
    ],
    times: 5,
    apart: '1s',
    within: '10m',
    means: 'it was started again and again: something makes it end soon after each start',
  },
]
