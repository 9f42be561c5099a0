/** Every code that a manifest can earn: what `bootcheck explain E112` prints. A code keeps its meaning for ever and is never given to another. */

export interface ErrorDoc {
  /** A few words. */
  readonly title: string
  /** What it means and why it is refused. */
  readonly meaning: string
  /** The lines at fault. */
  readonly example: string
  /** What to do. */
  readonly mend: string
}

const open = '```yaml boot'
const close = '```'

export const ERRORS: Readonly<Record<string, ErrorDoc>> = {
  E101: {
    title: 'forbidden character',
    meaning:
      'A character that no eye sees (zero-width, bidi, a byte order mark in the middle), a control character, or a line break that only some programs see. It stands in a check, in the front matter or before a fence, where it changes what is read without changing what is seen.',
    example: `\u2039U+200B\u203a${open}`,
    mend: 'Delete it; `bootcheck lint --fix` does. Lines end with LF or CRLF. In double quotes such a character can be written as an escape.',
  },
  E102: {
    title: 'front matter missing',
    meaning:
      'A manifest begins, on line 1, with front matter that holds the key "bootcheck". A file without it, and without checks, is taken for an agent\u2019s prompt: bootcheck does not touch it and judges nothing.',
    example: '# Boot checks\n(no front matter above)',
    mend: 'Begin the file with three lines: ---, bootcheck: 1, ---. For a manifest beside an agent\u2019s own BOOT.md use the name bootcheck.md, or a folder outside its workspace.',
  },
  E103: {
    title: 'no checks',
    meaning: 'The file is a manifest and declares nothing to check. A gate that checks nothing would always be open.',
    example: '---\nbootcheck: 1\n---\n# Nothing here',
    mend: `Add a block that begins with ${open}. \`bootcheck explain\` lists the kinds.`,
  },
  E104: {
    title: 'front matter not closed, or of another version',
    meaning:
      'The second --- is missing, so that nobody can say where the front matter ends; or "bootcheck" names a version of the grammar that this program does not know.',
    example: '---\nbootcheck: 2\n---',
    mend: 'Close the front matter with ---, and write bootcheck: 1.',
  },
  E105: {
    title: 'the count is wrong',
    meaning:
      'The front matter promises another number of checks than the file holds, and no other error explains it: a check was lost, or added without the count.',
    example: 'checks: 10    (and nine blocks below)',
    mend: 'Look which check is missing. If none is, `bootcheck lint --fix` writes the count.',
  },
  E106: {
    title: 'not UTF-8',
    meaning: 'The file holds bytes that are not UTF-8. Guessing another encoding could change paths and names.',
    example: 'path: /srv/caf\u2039E9\u203a    (saved as Latin-1)',
    mend: 'Save the file as UTF-8.',
  },
  E107: {
    title: 'over a limit',
    meaning:
      'A file holds at most 256 KiB and 1,000 checks, a block at most 16 KiB and 6 levels. Over a limit nothing is cut: the file is refused.',
    example: 'a: {b: {c: {d: {e: {f: {g: 1}}}}}}',
    mend: 'Flatten or shorten it, or split the file: one file is one boot.',
  },
  E108: {
    title: 'two manifests',
    meaning: 'Both BOOT.md and bootcheck.md of this folder hold checks, and no name was given.',
    example: 'bootcheck    (in a folder with both)',
    mend: 'Name the one to use, or keep one.',
  },
  E109: {
    title: 'the manifest cannot be read',
    meaning: 'It does not exist, may not be read by this user, or is no regular file.',
    example: 'bootcheck run no-such-file.md',
    mend: 'Mend the path or the permissions; `bootcheck explain E102` shows how a manifest begins.',
  },
  E110: {
    title: 'a fence never closed',
    meaning:
      'A check block, or another fence above a check, has no closing fence. It would swallow what follows, the next check included.',
    example: `${open}\ncheck: port\nid: gateway-port\nport: 18789\n\n### The next heading`,
    mend: 'Add a closing fence at column 1, with at least as many backticks as the opening one. Delete a fence that is one too many.',
  },
  E111: {
    title: 'indented, or in a list or quote',
    meaning:
      'A check\u2019s fence stands at column 1 of the document itself. Inside a list or quote it is somebody\u2019s example, or a check that slipped; it would not run.',
    example: `- ${open}\n  check: port`,
    mend: 'Start the fence at column 1, outside the list or quote.',
  },
  E112: {
    title: 'almost a check marker',
    meaning: 'The fence is marked with something that is nearly "yaml boot", and would not run.',
    example: '```yaml bot',
    mend: `Write ${open}. Documentation is marked "yaml example".`,
  },
  E113: {
    title: 'looks like a check but would not run',
    meaning:
      'A fence without the marker holds "check:" and "id:", or a line "check: \u2026" with a known kind stands in the text.',
    example: '```yaml\ncheck: port\nid: gateway-port\nport: 18789\n```',
    mend: 'Add "boot" to the fence, or "example" if it is documentation.',
  },
  E114: {
    title: 'inside HTML',
    meaning:
      'The check stands in a comment or between HTML tags, such as <details>. What a reader does not see must not run, and what runs must not be hidden.',
    example: `<!--\n${open}\ncheck: port\n-->`,
    mend: 'Take it out of the HTML. To switch a check off use "skip" with a reason and a last day.',
  },
  E115: {
    title: 'resembles an opener',
    meaning:
      'A line looks like the opener of a check, but Markdown does not read it as one: two backticks, tildes, four spaces before it, or a fence around it.',
    example: '~~~yaml boot',
    mend: `Write ${open}: three backticks at column 1.`,
  },
  E116: {
    title: 'a key outside its fence',
    meaning:
      'A line with a known key touches a check\u2019s fence (or the front matter) from outside, and would not be read.',
    example: `${close}\nseverity: warn`,
    mend: 'Move it inside. If it is prose, put an empty line between.',
  },
  E201: {
    title: 'YAML syntax',
    meaning:
      'The block is not the plain YAML that a check is written in. Values stand on one line (or below "|"), for a value that runs on can swallow the next key.',
    example: 'port:18789',
    mend: 'One "key: value" on each line, a space after the colon, spaces as indentation. Quote values that hold special characters.',
  },
  E203: {
    title: 'a key twice',
    meaning: 'The same key appears twice in one map. Most parsers keep the last one without a word.',
    example: 'port: 18789\nport: 18790',
    mend: 'Keep one.',
  },
  E204: {
    title: 'unknown key',
    meaning: 'No such key exists here. An unknown key is never ignored, for it was meant to do something.',
    example: 'severty: warn',
    mend: 'Correct the spelling; `bootcheck explain KIND` lists the keys. In the front matter, keys of your own begin with x-.',
  },
  E205: {
    title: 'a key is missing',
    meaning: 'The check lacks a key that it needs, or one of several of which it needs one.',
    example: 'check: workspace\nid: files    (and no path)',
    mend: 'Add the key.',
  },
  E207: {
    title: 'not allowed in a manifest',
    meaning:
      'Anchors, aliases, tags, merge keys, directives and document markers of YAML, and the key __proto__: each makes a block mean something else than it shows.',
    example: 'paths: [*.tmp]    (an alias to YAML)',
    mend: 'Write values out; quote a value that begins with *, & or !.',
  },
  E209: {
    title: 'mode not quoted',
    meaning: 'In YAML 0755 is the decimal number 755. A mode of a file is written in quoted octal.',
    example: 'mode: 0700',
    mend: 'Quote it: mode: "0700". `bootcheck lint --fix` does, where it is written with a leading 0.',
  },
  E210: {
    title: 'a space that is none',
    meaning:
      'A non-breaking or other odd space, often pasted from a web page. YAML takes it for a letter and reads the line as something else.',
    example: 'port:\u2039U+00A0\u203a18789',
    mend: 'Write a normal space; `bootcheck lint --fix` does.',
  },
  E212: {
    title: 'no value',
    meaning: 'The key has no value. A # begins a comment, and ~ alone is nothing in YAML.',
    example: 'chat: #ops',
    mend: 'Quote the value: "#ops". Write ~/ for the home folder.',
  },
  E213: {
    title: 'a key commented out',
    meaning:
      'A comment in a check begins like a known key, or holds one that the check lacks. It looks like a setting and is none.',
    example: '#severity: warn',
    mend: 'Delete the line, or use it. A remark is worded so that it does not read as "key:".',
  },
  E301: {
    title: 'unknown kind',
    meaning: 'No kind of this name exists.',
    example: 'check: prot',
    mend: 'Correct the spelling; `bootcheck explain` lists the kinds.',
  },
  E302: {
    title: 'an id twice',
    meaning: 'Two checks have the same id. Reports, "needs" and "--only" would not know which is meant.',
    example: 'id: gateway-port    (again)',
    mend: 'Give each check a name of its own.',
  },
  E303: {
    title: 'needs an unknown check',
    meaning: '"needs" names an id that this file does not declare.',
    example: 'needs: [token]    (the id is "tokens")',
    mend: 'Correct the id.',
  },
  E304: {
    title: 'needs a later check',
    meaning: 'A check needs only what stands above it, so that the order of the document is the order of the run.',
    example: 'needs: [disk]    (which is declared below)',
    mend: 'Move the needed check up.',
  },
  E305: {
    title: 'a skip without an end',
    meaning:
      'A "skip" lacks its reason or its last day, the day does not exist, or it is over. In a run an expired skip is a warning and the check runs again, since a date alone must not keep a gateway down.',
    example: 'skip: {reason: moving house, until: 2020-01-01}',
    mend: 'Mend the check and delete the skip, or renew the date.',
  },
  E306: {
    title: 'a value does not fit',
    meaning:
      'The value has another type, form or range than its key takes, keys exclude or need each other, or the checks that it names do not fit it.',
    example: 'timeout: 20',
    mend: 'Write what the hint names: a duration is 500ms, 5s, 2m; a size 512MB, 1GiB.',
  },
  E307: {
    title: 'a send is never retried',
    meaning: 'This kind sends or logs in. A second try at once can get an account blocked, so "retries" is refused.',
    example: 'check: message\nretries: 2',
    mend: 'Delete the line.',
  },
  E401: {
    title: 'not a variable',
    meaning:
      'Something that looks like a variable and would be taken as it stands: no source before the name, a variable inside another, or one in a key that takes none.',
    example: '${TELEGRAM_BOT_TOKEN}',
    mend: 'Write ${env:NAME}, ${secret:NAME} or ${var:name}; $${ is a literal ${. Values are put in once: a value in "vars" holds no variable.',
  },
  E402: {
    title: 'variable not set',
    meaning:
      'The environment (or the "env-file") has no such variable, or an empty one. For `lint` that is a warning, since the service\u2019s environment may differ; in a run the check fails by name and the others are judged. A ${var:name} that "vars" does not hold is an error.',
    example: 'token: ${secret:TELEGRAM_BOT_TOKEN}    (not set)',
    mend: 'Set it in the environment of the service, or give a default: ${env:PORT:-18789}.',
  },
  E403: {
    title: 'variable not closed',
    meaning: 'A ${ has no }.',
    example: 'path: ${var:state/logs',
    mend: 'Add the }.',
  },
  E405: {
    title: 'a secret in the file',
    meaning:
      'A value has the shape of a token, or stands where a secret belongs, or is the default of a secret. A manifest is documentation, and is shared.',
    example: 'token: changeme',
    mend: 'Put it in the environment and write ${secret:NAME}.',
  },
  E406: {
    title: 'a secret that would be shown',
    meaning: 'What ${env:\u2026} puts in may be shown in reports, and this name says that it must not be.',
    example: 'token: ${env:TELEGRAM_BOT_TOKEN}',
    mend: 'Write ${secret:TELEGRAM_BOT_TOKEN}.',
  },
  E407: {
    title: 'a secret too short to mask',
    meaning:
      'The value of a ${secret:\u2026} has fewer than 8 characters. Masking it would hide ordinary text wherever those characters appear. `lint` warns; in a run the check fails by name.',
    example: 'PIN=3000 bootcheck    (with ${secret:PIN})',
    mend: 'Use a longer secret; or ${env:\u2026}, if it is none.',
  },
  E408: {
    title: 'the env-file is not usable',
    meaning:
      'A line of the file of variables is not NAME=value, or the file cannot be read. `lint` only warns where it cannot be read, since the service may run elsewhere.',
    example: 'TELEGRAM_BOT_TOKEN: abc    (in gateway.env)',
    mend: 'One NAME=value on each line.',
  },
  W201: {
    title: 'a variable that nothing uses',
    meaning: '"vars" holds a name that no check uses. Usually a rename was left half done.',
    example: 'vars:\n  state: ~/.openclaw    (and no ${var:state})',
    mend: 'Delete the line, or use it.',
  },
  W401: {
    title: 'no shell reads this',
    meaning: 'A value holds $NAME, which is taken as it stands.',
    example: 'path: $HOME/logs',
    mend: 'Write ${env:HOME}/logs, or ~/logs.',
  },
  N101: {
    title: 'a step for people',
    meaning: 'An item of a task list. bootcheck lists it and does not run it.',
    example: '- [ ] Tell the others.',
    mend: 'Nothing; or make it a check.',
  },
}
