/**
 * Which fences are checks, and what only looks like one. Whatever resembles a check and would not run is an error, so that no
 * check is lost by a slip of the keyboard.
 */
import { distance } from '../suggest.ts'
import type { Block, FindBlocks } from './blocks.ts'
import type { Problems } from './problems.ts'
import { asSeen, invisibles, isPlain } from './text.ts'

/** A check's fence. Lines are 0-based. */
interface CheckBlock {
  readonly opener: number
  readonly closer: number
  /** Title and prose above, as written. */
  readonly heading?: string
  readonly why: string
}

/** A check that is declared but not readable: its id still counts, so that `needs` errors do not follow from it. */
interface LostCheck {
  readonly opener: number
  readonly id?: string
}

export interface Census {
  readonly checks: readonly CheckBlock[]
  readonly lost: readonly LostCheck[]
  readonly firstHeading?: string
}

const OPENER = /^(`{3,})yaml boot[ \t]*$/
const EXAMPLE = /^(`{3,})yaml example[ \t]*$/
const FENCE = /^[ \t]*(`{3,}(?=[^`]*$)|~{3,})[ \t]*(.*?)[ \t]*$/
const MARKERS = /^(?:[ \t]|>|[-+*](?=[ \t])|\d{1,9}[.)](?=[ \t])|<!--|\[[ xX]\])+/
const MARKER = '```yaml boot'

/** A line that may stand in a block of YAML: a key, an item, a comment, a continuation, or nothing. */
const YAML_LINE =
  /^[ \t]*$|^[ \t]*#|^[ \t]*-[ \t]|^[ \t]*["']?[\w.-]+["']?[ \t]*[:=]|^[ \t]{2,}\S|^[ \t>]+["']?[\w.-]+["']?[ \t]*[:=]/

/** Is this line meant to open a check? Looks at the line as a hurried reader sees it. */
export const resemblesOpener = (line: string): boolean => {
  if (!/[`~'"\u00b4\u2018\u2019\u201c\u201d]|yaml|boot/i.test(line)) return false
  const bare = asSeen(line).replace(MARKERS, '').trimEnd()
  if (
    /^(?:`{2,}|~{2,}|'{3}|"{3}|[\u00b4\u2018\u2019\u201c\u201d]{2,})\s*ya?ml[\s:_-]*boot\b/i.test(bare) &&
    !bare.endsWith('`')
  )
    return true
  if (/(?:`{2,}|~{3,})[ \t]*ya?ml[ \t]+boot$/i.test(bare)) return true
  return (
    bare.length >= MARKER.length - 2 && bare.length <= MARKER.length + 2 && distance(bare.toLowerCase(), MARKER) <= 2
  )
}

export const rawCheck = (line: string): string | undefined =>
  /^["']?check["']?[ \t]*:[ \t]*["']?([a-z][a-z0-9-]*)["']?[ \t]*,?[ \t]*(?:#.*)?$/.exec(
    asSeen(line).replace(MARKERS, ''),
  )?.[1]

const idOf = (lines: readonly string[], from: number, to: number): string | undefined => {
  for (let i = from; i <= to; i++) {
    const found = /^[ \t>]*(?:- )?["']?id["']?[ \t]*:[ \t]*["']?([a-z][a-z0-9-]*)/.exec(asSeen(lines[i] ?? ''))
    const inline = found ?? /["']id["'][ \t]*:[ \t]*["']([a-z][a-z0-9-]*)/.exec(lines[i] ?? '')
    if (inline?.[1]) return inline[1]
  }
  return undefined
}

const holds = (lines: readonly string[], from: number, to: number, key: string): boolean => {
  const pattern = new RegExp(`^\\s*[{\\[,]?\\s*["']?${key}["']?\\s*:|[{,]\\s*["']?${key}["']?\\s*:`)
  for (let i = from; i <= to; i++) if (pattern.test(asSeen(lines[i] ?? ''))) return true
  return false
}

/** Elements that hide or frame what stands between their tags. Those whose end tag may be left out are not among them. */
const FRAMES = new Set(
  `address article aside blockquote body center details dialog div dl fieldset figure footer form head header html iframe main menu
  nav noframes noscript ol pre script section select style summary svg table template textarea title ul`.split(/\s+/),
)

const headingText = (lines: readonly string[], block: Block): string => {
  const first = lines[block.start] ?? ''
  const text = /^ {0,3}#/.test(first)
    ? first.replace(/^ {0,3}#{1,6}[ \t]*/, '').replace(/(?:^|[ \t]+)#+[ \t]*$/, '')
    : lines.slice(block.start, block.end).join(' ')
  return text
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/\*\*|`/g, '')
    .replace(/\s+/g, ' ')
    .trim()
}

// Each mend re-reads the rest of the document. A file that needs more of them than this is reported as far as it was read.
const MAX_REREAD = 8 * 1024 * 1024

export interface CensusInput {
  /** The whole document's lines; those of the front matter are not looked at. */
  readonly lines: readonly string[]
  /** First line after the front matter. */
  readonly from: number
  readonly kinds: ReadonlySet<string>
  readonly findBlocks: FindBlocks
  readonly problems: Problems
}

export const takeCensus = ({ lines, from, kinds, findBlocks, problems }: CensusInput): Census => {
  const checks: CheckBlock[] = []
  const lost: LostCheck[] = []
  const frames: { name: string; line: number }[] = []
  let heading: string | undefined
  let firstHeading: string | undefined
  let prose: string[] = []

  const at = (line: number, column = 1) => ({ line: line + 1, column })
  const lose = (opener: number, last: number): void => {
    const id = idOf(lines, opener, last)
    lost.push({ opener, ...(id === undefined ? {} : { id }) })
  }

  /** E101, if invisible characters are all that keeps the line from being a fence. */
  const blameInvisible = (line: number): boolean => {
    const text = lines[line] ?? ''
    if (isPlain(text)) return false
    const odd = invisibles(text)
    for (const { index, length, name } of odd)
      problems.error(
        'E101',
        at(line, index + 1),
        `forbidden invisible character ${name} in the line of a fence`,
        'delete it',
        {
          ...at(line, index + 1),
          remove: length,
          insert: '',
          what: `${name} deleted`,
        },
      )
    return odd.length > 0
  }

  /** The last line of the check that was meant to begin at `start`: its closing fence, or the last line that reads like YAML. */
  const claim = (start: number): number => {
    for (let i = start + 1; i < lines.length; i++) {
      const seen = asSeen(lines[i] ?? '')
      const fence = FENCE.exec(seen.replace(/^[ \t]*>[ \t]?/, ''))
      if (fence) return fence[2] === '' ? i : i - 1
      if (!YAML_LINE.test(seen) || /^[ \t]*(?:-->|<\/)/.test(seen)) return i - 1
    }
    return lines.length - 1
  }

  /** Looks at lines that are no fence. Answers the line to re-read from where a check reaches beyond the block, or -1. */
  const scan = (first: number, last: number, where: 'html' | 'container' | 'text' | 'fence', name: string): number => {
    let claimed = first - 1
    for (let i = first; i <= last; i++) {
      if (i <= claimed) continue
      const line = lines[i] ?? ''
      const opener = resemblesOpener(line)
      const kind = opener ? undefined : rawCheck(line)
      if (!opener && !(kind !== undefined && kinds.has(kind))) continue
      claimed = claim(i)
      lose(i, claimed)
      if (opener && OPENER.test(asSeen(line)) && !OPENER.test(line) && blameInvisible(i)) {
        // said
      } else if (where === 'html')
        problems.error(
          'E114',
          at(i),
          `this check stands inside HTML (${name}) and would not run`,
          'take it out of the HTML; to switch it off for a while use "skip: {reason: …, until: …}"',
        )
      else if (opener && where === 'container')
        problems.error(
          'E111',
          at(i),
          `this check is indented, or in a list or quote (${name}), and would not run`,
          'start its fence at column 1',
        )
      else if (opener)
        problems.error(
          'E115',
          at(i),
          where === 'fence'
            ? `opener of a check inside another fence (${name}): it would not run`
            : 'resembles the opener of a check, and would not run',
          where === 'fence'
            ? 'label the outer fence "yaml example" if it is documentation'
            : `write ${MARKER} at column 1`,
        )
      else
        problems.error(
          'E113',
          at(i),
          `"check: ${kind}" stands outside a check block and would not run`,
          `put it between ${MARKER} and \`\`\`, or into a fence marked "yaml example"`,
        )
      if (claimed > last) return claimed + 1
    }
    return -1
  }

  const followTags = (block: Block): void => {
    const text = lines
      .slice(block.start, block.end + 1)
      .join('\n')
      .replace(/<!--[\s\S]*?(?:-->|$)/g, comment => comment.replace(/[^\n]/g, ' '))
      .replace(block.type === 'html' ? /(?!)/ : /`[^`]*`/g, code => code.replace(/[^\n]/g, ' '))
    let line = block.start + 1
    let counted = 0
    for (const tag of text.matchAll(/<(\/?)([A-Za-z][A-Za-z0-9-]*)(?:\s[^<>]*)?(\/?)>/g)) {
      const name = (tag[2] ?? '').toLowerCase()
      for (; counted < tag.index; counted++) if (text[counted] === '\n') line++
      if (!FRAMES.has(name) || tag[3] === '/') continue
      if (tag[1] !== '/') frames.push({ name, line })
      else {
        const open = frames.map(frame => frame.name).lastIndexOf(name)
        if (open >= 0) frames.length = open
      }
    }
  }

  const checkFence = (block: Block, ticks: string): number => {
    const closing = lines[block.end] ?? ''
    const closed = block.end > block.start && new RegExp(`^ {0,3}${ticks}\`*[ \\t]*$`).test(closing)
    for (let i = block.start + 1; i < (closed ? block.end : block.end + 1); i++) {
      const seen = asSeen(lines[i] ?? '')
      const fence = FENCE.exec(seen)
      if (!fence) continue
      lose(block.start, i)
      const bare = fence[2] === ''
      if (!(bare && seen !== lines[i] && blameInvisible(i)))
        problems.error(
          'E110',
          at(block.start),
          `check block never closed (next fence at line ${i + 1})`,
          bare && (fence[1] ?? '').length < ticks.length
            ? `close it with ${ticks}, as it was opened`
            : `add ${ticks} on a line of its own, at column 1, where the check ends`,
        )
      return bare ? i + 1 : i
    }
    if (!closed) {
      lose(block.start, block.end)
      problems.error(
        'E110',
        at(block.start),
        'check block never closed',
        `add ${ticks} on a line of its own, at column 1, where the check ends`,
      )
      return -1
    }
    const frame = frames.at(-1)
    if (frame) {
      lose(block.start, block.end)
      problems.error(
        'E114',
        at(block.start),
        `this check stands inside HTML (<${frame.name}> on line ${frame.line}) and would not run`,
        `close </${frame.name}> above it; to switch it off for a while use "skip: {reason: …, until: …}"`,
      )
      return -1
    }
    if (/^ /.test(closing)) {
      // It may be a line of a text that was meant to go on: what the block says is not known.
      lose(block.start, block.end)
      problems.error(
        'E111',
        at(block.start),
        `the fence that closes this check (line ${block.end + 1}) is indented`,
        'start it at column 1',
      )
      return -1
    }
    checks.push({
      opener: block.start,
      closer: block.end,
      why: prose.join('\n\n'),
      ...(heading === undefined ? {} : { heading }),
    })
    prose = []
    return -1
  }

  const otherFence = (block: Block): number => {
    const raw = lines[block.start] ?? ''
    const seen = asSeen(raw)
    const [, marks = '', info = ''] = FENCE.exec(seen) ?? []
    const flat = info.toLowerCase().replace(/\s+/g, ' ')
    const close = FENCE.exec(lines[block.end] ?? '')
    const closed = block.end > block.start && close?.[2] === '' && (close[1] ?? '').startsWith(marks)
    const last = closed ? block.end - 1 : block.end
    const example = EXAMPLE.test(raw)

    const near = (flat.length <= 10 && distance(flat, 'yaml boot') <= 1) || /^ya?ml boot/.test(flat)
    if (near) {
      if (OPENER.test(seen) && seen !== raw && blameInvisible(block.start)) {
        // said
      } else if (info === 'yaml boot' && marks.startsWith('~'))
        problems.error(
          'E115',
          at(block.start),
          'a tilde fence resembles the opener of a check, and would not run',
          `write ${MARKER} at column 1`,
        )
      else if (info === 'yaml boot' && /^[ \t]/.test(raw))
        problems.error(
          'E111',
          at(block.start),
          'this check is indented, or in a list or quote, and would not run',
          'start its fence at column 1',
        )
      else
        problems.error(
          'E112',
          at(block.start),
          `"${info}" is almost the marker of a check, and would not run`,
          `write ${MARKER}`,
        )
      const whole = closed && !lines.slice(block.start + 1, block.end).some(line => FENCE.test(asSeen(line)))
      const end = whole ? block.end : claim(block.start)
      lose(block.start, end)
      return end === block.end ? -1 : end + 1
    }

    // A fence that was not closed swallows the next check; and a stray closing fence opens a new one.
    for (let i = block.start + 1; i <= last; i++) {
      const inner = FENCE.exec(asSeen(lines[i] ?? ''))
      const longEnough = inner?.[1]?.startsWith(marks) ?? false
      if (
        !(longEnough || !closed) ||
        !(resemblesOpener(lines[i] ?? '') || (longEnough && inner?.[2] === 'yaml example'))
      )
        continue
      problems.error(
        'E110',
        at(block.start),
        `fence never closed: it would swallow ${inner?.[2] === 'yaml example' ? 'the example' : 'the check'} on line ${i + 1}`,
        `close it with ${marks} above line ${i + 1}, or delete this line if it is one fence too many`,
      )
      return i
    }
    if (example) return -1

    const language = flat.split(' ')[0] ?? ''
    const data =
      /^(?:ya?ml|json[c5]?|)$/.test(language) &&
      holds(lines, block.start + 1, last, 'check') &&
      holds(lines, block.start + 1, last, 'id')
    let nested = false
    let declares = data
    for (let i = block.start + 1; i <= last; i++) {
      nested ||= resemblesOpener(lines[i] ?? '')
      if (!nested) declares ||= kinds.has(rawCheck(lines[i] ?? '') ?? '')
    }
    if (nested) return scan(block.start + 1, last, 'fence', `line ${block.start + 1}`)
    if (declares) {
      lose(block.start, last)
      problems.error(
        'E113',
        at(block.start),
        'looks like a check but would not run',
        `add "boot" (${MARKER}), or "example" if it is documentation`,
      )
    }
    return -1
  }

  const visit = (block: Block): number => {
    switch (block.type) {
      case 'heading':
        heading = headingText(lines, block)
        firstHeading ??= heading
        prose = []
        return scan(block.start, block.end, 'text', '')
      case 'html':
        followTags(block)
        return scan(block.start, block.end, 'html', `line ${block.start + 1}`)
      case 'fence': {
        const ticks = OPENER.exec(lines[block.start] ?? '')?.[1]
        return ticks ? checkFence(block, ticks) : otherFence(block)
      }
      case 'list':
      case 'quote':
        for (let i = block.start; i <= block.end; i++) {
          const task = /^[ \t]*(?:[-+*]|\d{1,9}[.)])[ \t]+\[[ xX]\][ \t]+(.*)$/.exec(lines[i] ?? '')
          if (task?.[1])
            problems.note(
              'N101',
              at(i),
              `a step for people, not run: ${task[1].trim()}`,
              'what a machine can hold is a check of its own',
            )
        }
        followTags(block)
        prose.push(
          lines
            .slice(block.start, block.end + 1)
            .join('\n')
            .trim(),
        )
        return scan(block.start, block.end, 'container', block.type)
      case 'indented':
        return scan(block.start, block.end, 'text', '')
      case 'prose':
        followTags(block)
        if (!/^[ \t]*(?:[-*_][ \t]*){3,}$/.test(lines[block.start] ?? ''))
          prose.push(
            lines
              .slice(block.start, block.end + 1)
              .join('\n')
              .trim(),
          )
        return scan(block.start, block.end, 'text', '')
      default:
        return block.type satisfies never
    }
  }

  let read = 0
  for (let next = from; next >= 0 && next < lines.length; ) {
    const start = next
    next = -1
    if (read > MAX_REREAD) {
      for (let i = start; i < lines.length; i++) if (/^id[ \t]*:/.test(lines[i] ?? '')) lose(i, i)
      break
    }
    for (let i = start; i < lines.length; i++) read += (lines[i] ?? '').length + 1
    for (const block of findBlocks(lines, start)) {
      next = visit(block)
      if (next >= 0) break
    }
  }
  return { checks, lost, ...(firstHeading === undefined ? {} : { firstHeading }) }
}
