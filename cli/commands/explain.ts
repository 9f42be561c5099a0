/** `bootcheck explain [KIND|CODE|ID]`: what a thing means, with an example that the tests run. */
import { explainTopic, schemaOf } from '../../index.ts'
import { UsageError } from '../io.ts'
import { markdown } from '../markdown.ts'
import type { Action } from '../words.ts'

export const action: Action = async ([topic], values, io) => {
  if (values.flags.has('schema')) {
    const schema = await schemaOf(topic)
    if (!schema) throw new UsageError(`"${topic}" is no kind; bootcheck explain lists them`)
    return io.out(`${JSON.stringify(schema, null, 2)}\n`) ? 0 : 3
  }
  const found = await explainTopic(topic)
  if ('suggestion' in found) {
    const { suggestion } = found
    throw new UsageError(
      `nothing is called "${topic}"${suggestion ? `; did you mean "${suggestion}"?` : '; bootcheck explain lists the kinds'}`,
    )
  }
  const text =
    values.texts.get('format') === 'json' ? JSON.stringify(found.data, null, 2) : await markdown(found.text, io.style)
  return io.out(`${text}\n`) ? 0 : 3
}
