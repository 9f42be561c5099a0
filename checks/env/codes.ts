/** Every code that this kind answers. */
export const codes = {
  set: 'every variable is as declared, and every file can be read',
  missing: 'a variable is not set',
  empty: 'a variable is set and empty',
  'not-in-service': 'the shell has a variable that the service lacks',
  'not-known':
    'a variable is handed on by the service\u2019s manager or comes from a login shell, and cannot be seen here, or is asked to be as what the manager makes at each start',
  differs: 'a variable has another value in the service than in the shell',
  'passed-over': 'a variable stands in a `.env` of which the product takes no such name',
  'config-unreadable': 'the config of the preset is missing or cannot be read, so what it needs is not known',
  export: '`export` stands before a variable in a file of `EnvironmentFile=`, where systemd passes the line over',
  quoted: 'quotes are part of the value',
  whitespace:
    'the value begins or ends with a blank, a newline or a carriage return, is a key with one inside, or holds an invisible character',
  assignment: 'the value is a whole assignment: `NAME=…` or `export …`',
  unexpanded:
    'the value holds `${NAME}`, `$NAME`, `$(command)` or `{{template}}`, which nobody has filled in; of `$NAME` within a text only capitals that stand as a word, and names such as `$HOME`',
  placeholder: 'the value is a placeholder: `changeme`, `xxx`, `<your key>`, a masked key',
  type: 'the value is not of the declared type',
  'path-missing': 'nothing that this user can see is at the path',
  pattern: 'the value does not match',
  'file-missing': 'a file is not there',
  'file-unreadable': 'a file cannot be read',
  'file-syntax': 'a line of a file is no NAME=value, or sets a variable again',
  'file-empty': 'a file sets no variable',
  'service-unreadable': 'the service\u2019s file, or one that it names, is not there or cannot be read',
  'service-format': 'it is neither the property list of a launchd job nor a systemd service',
  options: 'the options cannot be used',
} as const

export type What = keyof typeof codes
