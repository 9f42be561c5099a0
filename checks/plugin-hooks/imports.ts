/** The imports of a module, exactly: the only file that knows @babel/parser. It is loaded when the first look left doubts. */
import type { Form } from './sketch.ts'

export interface Import {
  readonly specifier: string
  readonly form: Form
  /** 1-based. */
  readonly line: number
  readonly column: number
  /** Inside `try` with a `catch`, or a promise with a `.catch`: its author reckons with its absence. */
  readonly guarded: boolean
  /** Inside a function or behind a condition: not everybody who loads the module gets there. */
  readonly late: boolean
  /** Names types alone as far as one can see; a TypeScript loader drops it, Node's own does not. */
  readonly elidable: boolean
}

export type Exact =
  /** `doubt`: it could be read, and breaks a rule of the language all the same (a name declared twice). */
  | { readonly imports: readonly Import[]; readonly doubt?: Flawed; readonly error?: undefined }
  | { readonly error: Flawed }

interface Flawed {
  readonly message: string
  /** 1-based. */
  readonly line?: number
  readonly column?: number
}

interface Node {
  readonly type: string
  readonly loc?: { readonly start: { readonly line: number; readonly column: number } }
  readonly [key: string]: unknown
}

const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string'

const child = (node: Node | undefined, key: string): Node | undefined => {
  const value = node?.[key]
  return isNode(value) ? value : undefined
}

const children = (node: Node, key: string): Node[] => {
  const value = node[key]
  return Array.isArray(value) ? value.filter(isNode) : []
}

const nameOf = (node: Node | undefined): string =>
  node?.type === 'Identifier' || node?.type === 'JSXIdentifier' ? String(node.name) : ''

const literalOf = (node: Node | undefined): string | undefined => {
  if (node?.type === 'StringLiteral') return String(node.value)
  if (node?.type !== 'TemplateLiteral' || children(node, 'expressions').length > 0) return undefined
  const cooked = (children(node, 'quasis')[0]?.value as { cooked?: string } | undefined)?.cooked
  return cooked ?? undefined
}

/** The names that a pattern declares. */
const declared = (pattern: Node | undefined): string[] => {
  switch (pattern?.type) {
    case 'Identifier':
      return [nameOf(pattern)]
    case 'AssignmentPattern':
      return declared(child(pattern, 'left'))
    case 'RestElement':
      return declared(child(pattern, 'argument'))
    case 'ArrayPattern':
      return children(pattern, 'elements').flatMap(declared)
    case 'ObjectPattern':
      return children(pattern, 'properties').flatMap(property =>
        declared(property.type === 'RestElement' ? property : child(property, 'value')),
      )
    case 'TSParameterProperty':
      return declared(child(pattern, 'parameter'))
    default:
      return []
  }
}

/** A function's own names. `real`: the name holds what `createRequire` gave. */
interface Scope {
  readonly parent: Scope | undefined
  readonly names: Map<string, 'real' | 'other'>
}

/** Where a node stands. */
interface Spot {
  readonly node: Node
  readonly parent: Spot | undefined
  readonly key: string
  readonly scope: Scope
  readonly guarded: boolean
  readonly late: boolean
}

// TypeScript nodes that hold values; all others starting with TS are types.
const TS_VALUES = new Set([
  'TSAsExpression',
  'TSSatisfiesExpression',
  'TSNonNullExpression',
  'TSTypeAssertion',
  'TSInstantiationExpression',
  'TSExportAssignment',
  'TSEnumDeclaration',
  'TSEnumBody',
  'TSEnumMember',
  'TSModuleDeclaration',
  'TSModuleBlock',
  'TSImportEqualsDeclaration',
  'TSExternalModuleReference',
  'TSQualifiedName',
  'TSParameterProperty',
])

const FUNCTIONS = new Set([
  'FunctionDeclaration',
  'FunctionExpression',
  'ArrowFunctionExpression',
  'ObjectMethod',
  'ClassMethod',
  'ClassPrivateMethod',
])

const CONDITIONS: Readonly<Record<string, readonly string[]>> = {
  IfStatement: ['consequent', 'alternate'],
  ConditionalExpression: ['consequent', 'alternate'],
  LogicalExpression: ['right'],
  SwitchCase: ['consequent'],
  CatchClause: ['body'],
}

const IGNORED = new Set([
  'type',
  'start',
  'end',
  'loc',
  'extra',
  'leadingComments',
  'trailingComments',
  'innerComments',
  'errors',
  'comments',
  'tokens',
])

/** A call whose promise somebody catches: `.catch(…)` or a second argument to `.then`, however many calls between. */
const caught = (spot: Spot): boolean => {
  let at: Spot | undefined = spot
  for (;;) {
    const member: Spot | undefined = at.parent
    const call: Spot | undefined = member?.parent
    const chained =
      at.key === 'object' &&
      call?.key !== undefined &&
      member?.key === 'callee' &&
      (member.node.type === 'MemberExpression' || member.node.type === 'OptionalMemberExpression')
    if (!chained || !call) return false
    const method = nameOf(child(member.node, 'property'))
    if (method === 'catch' || (method === 'then' && children(call.node, 'arguments').length > 1)) return true
    at = call
  }
}

const isCreateRequire = (node: Node | undefined, makers: ReadonlySet<string>): boolean => {
  if (node?.type === 'TSAsExpression' || node?.type === 'TSNonNullExpression')
    return isCreateRequire(child(node, 'expression'), makers)
  if (node?.type === 'AssignmentExpression' || node?.type === 'LogicalExpression')
    return isCreateRequire(child(node, 'right'), makers)
  if (node?.type !== 'CallExpression') return false
  const callee = child(node, 'callee')
  const last = callee?.type === 'SequenceExpression' ? children(callee, 'expressions').at(-1) : callee
  if (makers.has(nameOf(last))) return true
  return last?.type === 'MemberExpression' && nameOf(child(last, 'property')) === 'createRequire'
}

interface Survey {
  readonly spots: readonly Spot[]
  /** Names used as values anywhere; types don't count. */
  readonly used: ReadonlySet<string>
  readonly jsx: boolean
}

/** One walk over the tree: the nodes that matter, with what surrounds them. */
const survey = (program: Node): Survey => {
  const spots: Spot[] = []
  const used = new Set<string>()
  const makers = new Set(['createRequire'])
  const waiting: (() => void)[] = []
  let jsx = false

  const declare = (scope: Scope, name: string, init: Node | undefined): void => {
    // `makers` may grow until the end of the walk.
    waiting.push(() => {
      const isShim = name === '__require' && init !== undefined
      const real = isShim || isCreateRequire(init, makers)
      if (real || scope.names.get(name) !== 'real') scope.names.set(name, real ? 'real' : 'other')
    })
  }

  const enter = (spot: Spot): Scope => {
    const { node } = spot
    let { scope } = spot
    if (node.type === 'VariableDeclarator') {
      const id = child(node, 'id')
      const init = child(node, 'init')
      for (const name of declared(id)) declare(scope, name, id?.type === 'Identifier' ? init : undefined)
      if (id?.type === 'ObjectPattern')
        for (const property of children(id, 'properties'))
          if (nameOf(child(property, 'key')) === 'createRequire') makers.add(nameOf(child(property, 'value')))
    } else if (node.type === 'AssignmentExpression' && child(node, 'left')?.type === 'Identifier') {
      const name = nameOf(child(node, 'left'))
      const right = child(node, 'right')
      const home = scope
      waiting.push(() => {
        if (!isCreateRequire(right, makers)) return
        for (let at: Scope | undefined = home; at; at = at.parent)
          if (at.names.has(name)) return void at.names.set(name, 'real')
      })
    } else if (node.type === 'FunctionDeclaration' || node.type === 'ClassDeclaration') {
      const name = nameOf(child(node, 'id'))
      if (name) declare(scope, name, undefined)
    } else if (node.type === 'ImportSpecifier' && nameOf(child(node, 'imported')) === 'createRequire')
      makers.add(nameOf(child(node, 'local')))
    if (FUNCTIONS.has(node.type)) {
      scope = { parent: scope, names: new Map() }
      for (const parameter of children(node, 'params'))
        for (const name of declared(parameter)) scope.names.set(name, 'other')
    }
    return scope
  }

  const isName = (spot: Spot): boolean => {
    const owner = spot.parent?.node
    if (!owner || owner.computed === true) return true
    if (spot.key === 'property') return owner.type !== 'MemberExpression' && owner.type !== 'OptionalMemberExpression'
    return !(spot.key === 'key' && /^(?:Object|Class)(?:Property|Method|AccessorProperty)$/.test(owner.type))
  }

  const root: Scope = { parent: undefined, names: new Map() }
  const stack: Spot[] = [{ node: program, parent: undefined, key: '', scope: root, guarded: false, late: false }]
  for (let spot = stack.pop(); spot; spot = stack.pop()) {
    const { node } = spot
    if (node.type.startsWith('TS') && !TS_VALUES.has(node.type)) continue
    if (node.declare === true) continue
    const scope = enter(spot)
    switch (node.type) {
      case 'Identifier':
      case 'JSXIdentifier':
        if (isName(spot)) used.add(nameOf(node))
        continue
      case 'JSXOpeningElement':
      case 'JSXOpeningFragment':
        jsx = true
        break
      case 'ImportDeclaration':
      case 'ExportAllDeclaration':
      case 'CallExpression':
      case 'OptionalCallExpression':
      case 'ImportExpression':
      case 'TSImportEqualsDeclaration':
      case 'ObjectProperty':
        spots.push(spot)
        break
      case 'ExportNamedDeclaration':
        if (node.source) spots.push(spot)
        break
    }
    const isImport = node.type === 'ImportDeclaration'
    if (isImport) {
      for (const specifier of children(node, 'specifiers')) enter({ ...spot, node: specifier, parent: spot })
      continue
    }
    const conditional = CONDITIONS[node.type]
    const inFunction = FUNCTIONS.has(node.type)
    for (const key of Object.keys(node)) {
      if (IGNORED.has(key)) continue
      const guarded = spot.guarded || (node.type === 'TryStatement' && key === 'block' && Boolean(node.handler))
      const late = spot.late || inFunction || (conditional?.includes(key) ?? false)
      const value = node[key]
      for (const inner of Array.isArray(value) ? value : [value])
        if (isNode(inner)) stack.push({ node: inner, parent: spot, key, scope, guarded, late })
    }
  }
  for (const job of waiting) job()
  return { spots, used, jsx }
}

/** What a name stands for at a place; undefined for the global. */
const meaning = (scope: Scope | undefined, name: string): 'real' | 'other' | undefined => {
  for (let at = scope; at; at = at.parent) {
    const found = at.names.get(name)
    if (found) return found
  }
  return undefined
}

const isRequire = (callee: Node | undefined, scope: Scope): boolean => {
  const name = nameOf(callee)
  if (name !== '') {
    const found = meaning(scope, name)
    return found === 'real' || (found === undefined && name === 'require')
  }
  if (callee?.type === 'MemberExpression')
    return nameOf(child(callee, 'object')) === 'module' && nameOf(child(callee, 'property')) === 'require'
  return isCreateRequire(callee, new Set(['createRequire']))
}

/** What a call asks for, if it is one that asks for a module. */
const requested = (spot: Spot): { form: Form; argument: Node | undefined } | undefined => {
  const { node, scope } = spot
  if (node.type === 'ImportExpression') return { form: 'dynamic', argument: child(node, 'source') }
  const callee = child(node, 'callee')
  const argument = children(node, 'arguments')[0]
  if (callee?.type === 'Import') return { form: 'dynamic', argument }
  if (isRequire(callee, scope)) return { form: 'require', argument }
  const owner = child(callee, 'object')
  if (callee?.type !== 'MemberExpression' || nameOf(child(callee, 'property')) !== 'resolve') return undefined
  if (owner?.type === 'MetaProperty' || isRequire(owner, scope)) return { form: 'resolve', argument }
  return undefined
}

const isTypeOnly = (specifiers: readonly Node[], kind: 'importKind' | 'exportKind'): boolean =>
  specifiers.length > 0 && specifiers.every(specifier => specifier[kind] === 'type' || specifier[kind] === 'typeof')

const toImports = ({ spots, used, jsx }: Survey, typed: boolean, keys: readonly string[]): Import[] => {
  // The classic JSX transform uses these without naming them.
  const isUsed = (name: string) => used.has(name) || (jsx && /^(?:React|h|Fragment)$/.test(name))
  const list: Import[] = []
  const add = (spot: Spot, source: Node | undefined, form: Form, rest: Partial<Import> = {}): void => {
    const specifier = literalOf(source)
    if (specifier === undefined || specifier === '') return
    const start = (source ?? spot.node).loc?.start
    list.push({
      specifier,
      form,
      line: start?.line ?? 1,
      column: (start?.column ?? 0) + 1,
      guarded: spot.guarded || caught(spot),
      late: spot.late,
      elidable: false,
      ...rest,
    })
  }
  for (const spot of spots) {
    const { node } = spot
    if (node.type === 'ImportDeclaration') {
      if (node.importKind === 'type' || node.importKind === 'typeof') continue
      const specifiers = children(node, 'specifiers')
      const unused =
        typed && specifiers.length > 0 && specifiers.every(specifier => !isUsed(nameOf(child(specifier, 'local'))))
      add(spot, child(node, 'source'), 'import', { elidable: isTypeOnly(specifiers, 'importKind') || unused })
    } else if (node.type === 'ExportNamedDeclaration' || node.type === 'ExportAllDeclaration') {
      if (node.exportKind === 'type') continue
      add(spot, child(node, 'source'), 'import', { elidable: isTypeOnly(children(node, 'specifiers'), 'exportKind') })
    } else if (node.type === 'TSImportEqualsDeclaration') {
      const reference = child(node, 'moduleReference')
      if (node.importKind !== 'type' && reference?.type === 'TSExternalModuleReference')
        add(spot, child(reference, 'expression'), 'require', { elidable: !isUsed(nameOf(child(node, 'id'))) })
    } else if (node.type === 'ObjectProperty') {
      const key = child(node, 'key')
      if (keys.includes(nameOf(key)) || keys.includes(literalOf(key) ?? '')) {
        const specifier = literalOf(child(node, 'value'))
        if (specifier?.startsWith('.')) add(spot, child(node, 'value'), 'named')
      }
    } else {
      const request = requested(spot)
      if (request) add(spot, request.argument, request.form)
    }
  }
  return list
}

type ParserError = Error & { readonly loc?: { readonly line: number; readonly column: number } }

const inWords = ({ message, loc }: ParserError): Flawed => ({
  message: message.replace(/ \(\d+:\d+\)$/, '').replace(/\.$/, ''),
  ...(loc && { line: loc.line, column: loc.column + 1 }),
})

/** Reads a module with the whole grammar of JavaScript, JSX and, by its extension, TypeScript. */
export const readImports = async (text: string, path: string, keys: readonly string[] = []): Promise<Exact> => {
  const { parse } = await import('@babel/parser')
  const typed = /\.[cm]?tsx?$/.test(path)
  const plugins = typed
    ? (['typescript', 'decorators', ...(path.endsWith('x') ? (['jsx'] as const) : [])] as const)
    : (['jsx', 'decorators'] as const)
  const attempt = (sourceType: 'unambiguous' | 'script' | 'commonjs' | 'module'): Exact => {
    const file = parse(text, {
      sourceType,
      errorRecovery: true,
      allowReturnOutsideFunction: true,
      plugins: [...plugins],
    })
    const [first] = (file.errors ?? []) as unknown as readonly ParserError[]
    return {
      imports: toImports(survey(file.program as unknown as Node), typed, keys),
      ...(first && { doubt: inWords(first) }),
    }
  }
  try {
    return attempt('unambiguous')
  } catch (error) {
    if (error instanceof RangeError) return { error: { message: 'is nested too deeply to be read' } }
    return { error: inWords(error as ParserError) }
  }
}
