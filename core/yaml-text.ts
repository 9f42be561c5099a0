/** Other people's YAML to values: the whole language, unlike the strict one of a manifest's blocks. */

export type ParsedYaml =
  | { readonly error?: undefined; readonly value: unknown }
  | { readonly error: { readonly line: number; readonly column: number; readonly message: string } }

/** The parser is loaded when it is first needed. Aliases are limited, so that a small text cannot become a large value. */
export const parseYaml = async (text: string): Promise<ParsedYaml> => {
  const { LineCounter, parseDocument } = await import('./yaml-library.ts')
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: 'silent' })
  const error = document.errors[0]
  if (error) {
    const { line, col } = lines.linePos(error.pos[0])
    return { error: { line, column: col, message: error.message.split('\n')[0] ?? error.message } }
  }
  try {
    return { value: document.toJS({ maxAliasCount: 100 }) as unknown }
  } catch (cause) {
    return { error: { line: 1, column: 1, message: (cause as Error).message } }
  }
}
