/** TOML to values: dates become the texts that they are written as. */

export type ParsedToml =
  | { readonly error?: undefined; readonly value: Readonly<Record<string, unknown>> }
  | {
      readonly error: {
        /** 1-based. */
        readonly line: number
        readonly column: number
        readonly message: string
        /** A key or table is defined twice. */
        readonly repeated?: true
      }
    }

/** The parser is loaded when it is first needed. */
export const parseToml = async (text: string): Promise<ParsedToml> => {
  const { parse, TomlDate, TomlError } = await import('smol-toml')
  const plain = (value: unknown): unknown => {
    if (value instanceof TomlDate) return value.toISOString()
    if (Array.isArray(value)) return value.map(plain)
    if (typeof value === 'object' && value !== null)
      return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]))
    return value
  }
  try {
    return { value: plain(parse(text)) as Record<string, unknown> }
  } catch (error) {
    if (!(error instanceof TomlError)) throw error
    // The lines after the first show the text itself.
    const message = error.message.split('\n')[0]?.replace(/^Invalid TOML document: /, '') ?? ''
    return {
      error: {
        line: error.line,
        column: error.column,
        message,
        ...(/redefine|already defined/.test(message) ? { repeated: true } : {}),
      },
    }
  }
}
