/** Draws docs/picture.svg from a real run: the example gateway with three things broken. Rewritten by `npm run picture`. */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')

/** As much of the example as fits a picture. */
const SHOWN = ['gateway-port', 'node', 'workspace', 'plugins', 'cron', 'temp-files', 'warning-signs', 'receiver']

const manifest = (): string => {
  const [head = '', ...sections] = readFileSync(join(root, 'BOOT.example.md'), 'utf8').split(/^(?=###? )/m)
  const shown = sections.filter(section => SHOWN.includes(/^id: (.*)$/m.exec(section)?.[1] ?? ''))
  return [head.replace(/^checks: .*$/m, `checks: ${shown.length}`), ...shown].join('')
}

/** The output of the real program on a copy of the example, broken in three ways. */
const brokenRun = (): string => {
  const folder = join(mkdtempSync(join(tmpdir(), 'bootcheck-')), 'gateway')
  mkdirSync(folder)
  try {
    cpSync(join(root, 'example'), join(folder, 'example'), { recursive: true })
    writeFileSync(join(folder, 'BOOT.md'), manifest())
    rmSync(join(folder, 'example/plugins/greeter/lib'), { recursive: true })
    for (let n = 0; n < 23; n++) {
      const path = join(folder, 'example/sessions', `main.json.${4_194_000 + n}.${n.toString(16).padStart(8, '0')}.tmp`)
      writeFileSync(path, '')
      const at = Date.now() / 1000 - 9 * n
      utimesSync(path, at, at)
    }
    const env = { PATH: process.env.PATH, HOME: folder, FORCE_COLOR: '1', LANG: 'C.UTF-8' }
    const { stdout } = spawnSync(process.execPath, [join(root, 'dist/cli/bin.cjs')], {
      cwd: folder,
      env,
      encoding: 'utf8',
    })
    return stdout
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const COLORS: Readonly<Record<string, string>> = { 31: '#ff7b72', 32: '#7ee787', 33: '#e3b341', 36: '#79c0ff' }
const xml = (text: string): string => text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;')

/** One line with SGR codes as tspans. */
const spans = (line: string): string => {
  const style = { color: '', bold: false, dim: false }
  const out: string[] = []
  for (const part of line.split(/(\u001b\[[0-9;]*m)/)) {
    const codes = /^\u001b\[([0-9;]*)m$/.exec(part)?.[1]
    if (codes === undefined) {
      const look = [
        style.color && `fill="${style.color}"`,
        style.bold && 'font-weight="bold"',
        style.dim && 'opacity="0.65"',
      ].filter(Boolean)
      if (part) out.push(look.length > 0 ? `<tspan ${look.join(' ')}>${xml(part)}</tspan>` : xml(part))
      continue
    }
    for (const code of codes.split(';')) {
      if (code === '1') style.bold = true
      else if (code === '2') style.dim = true
      else if (code === '22') style.bold = style.dim = false
      else if (code === '39') style.color = ''
      else if (code === '0' || code === '') Object.assign(style, { color: '', bold: false, dim: false })
      else if (COLORS[code]) style.color = COLORS[code]
    }
  }
  return out.join('')
}

const draw = (text: string): string => {
  const lines = ['$ npx bootcheck', ...text.trimEnd().split('\n')]
  const columns = Math.max(...lines.map(line => line.replace(/\u001b\[[0-9;]*m/g, '').length))
  const [glyph, row, edge] = [8.43, 20, 18]
  const [width, height] = [Math.ceil(columns * glyph + 2 * edge), lines.length * row + 2 * edge]
  const rows = lines.map(
    (line, at) => `<text x="${edge}" y="${edge + 14 + at * row}" xml:space="preserve">${spans(line)}</text>`,
  )
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="bootcheck finds a plugin that cannot be loaded, temporary files that pile up, and a receiver that does not answer">
<rect width="100%" height="100%" rx="8" fill="#0d1117"/>
<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="14" fill="#e6edf3">
${rows.join('\n')}
</g>
</svg>
`
}

writeFileSync(join(root, 'docs/picture.svg'), draw(brokenRun()))
