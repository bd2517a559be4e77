// What a statement reads and writes, found out once per text by asking the server to parse it.
//
//     prepare ... as <text>                  types of its parameters; gone again at once
//     create function pg_temp.x() ...        its parse tree, exact: names resolved, overloads chosen, views by name
//       begin atomic <text>; end
//     pg_class, pg_proc, pg_type, ...        what the tree names
//
// All of it in a transaction, or under a savepoint, that the caller rolls back. Nothing is executed. A function's body and not a view's: a view takes no writes, no two
// columns of one name, and no column of an unknown type. Not EXPLAIN: a plan has lost the tables that were pruned, folded away or joined for nothing, and can't be asked
// for what it calls.
//
// Parameters stand in the tree as nulls of their types, `(null::bigint)`, which every place takes where an expression may stand, and of which there may be more than a function
// has arguments.
//
// Sound or not at all. A read is `steady` when its rows can only change by a write to its tables; whatever isn't known to be so is `by-hand`. A write whose ways can't all be
// followed writes ANY_TABLE.
import { randomBytes } from 'node:crypto'
import { scanSql } from '../statements/sql-tokens.ts'
import {
  calledFacts,
  relationFacts,
  relationsNamed,
  writeFacts,
  type Ask,
  type CalledFacts,
  type FunctionFacts,
  type RelationFacts,
  type TypeFacts,
  type WriteFacts,
} from './catalog.ts'
import { hasMovingLiteral } from './moments.ts'
import { readNodeTree } from './node-tree.ts'
import { ANY_TABLE, tableTag } from './query-cache.ts'
import { EVENT, TreeFacts, type WrittenRelation } from './tree-facts.ts'
import { changesNames, statementKind } from './utility-statements.ts'

export interface StatementText {
  readonly text: string
  /** Declared types of its parameters; 0 where the server finds out. */
  readonly types: readonly number[]
}

export interface Dependencies {
  readonly read: ReadVerdict
  /** Tags of what it writes; empty for none. */
  readonly writes: readonly string[]
  /** What's known of other statements may be wrong after it. */
  readonly changesSchema: boolean
  /** In the transaction that it's part of, names of other statements may mean other tables (search_path, role). */
  readonly changesNames: boolean
}

export type ReadVerdict =
  | {
      /** Its rows change by writes to its tables alone. */
      readonly kind: 'steady'
      readonly tags: readonly string[]
      /** Parameters that are dates or times, by index: `now` is another moment each time. */
      readonly moments: readonly number[]
    }
  /** It needs tags from who knows better. */
  | { readonly kind: 'by-hand'; readonly reason: string }
  /** It's no read. */
  | { readonly kind: 'refused'; readonly reason: string }

/** What functions write that can't be looked into, by name with schema: tables with their schemas. */
export type FunctionWrites = Readonly<Record<string, readonly string[]>>

const NO_QUERY = { kind: 'refused', reason: 'it is no query' } as const

/** What can be said without the server, of statements that have no tree; undefined for the rest. */
export function dependenciesByWords(text: string): Dependencies | undefined {
  const { kind } = statementKind(text)
  if (kind === 'nothing') {
    return { read: NO_QUERY, writes: [], changesSchema: false, changesNames: changesNames(text) }
  }
  if (kind !== 'anything') return undefined
  return { read: NO_QUERY, writes: [ANY_TABLE], changesSchema: true, changesNames: changesNames(text) }
}

/** @throws DbError when the server refuses; SyntaxError for a tree that isn't known */
export async function dependenciesOf(
  ask: Ask,
  { text, types }: StatementText,
  functionWrites: FunctionWrites,
): Promise<Dependencies> {
  const kind = statementKind(text)
  switch (kind.kind) {
    case 'nothing':
    case 'anything':
      return dependenciesByWords(text) as Dependencies
    case 'truncate':
    case 'copy-in': {
      const event = kind.kind === 'truncate' ? EVENT.truncate : EVENT.insert
      const cascade = kind.kind === 'truncate' && kind.cascade
      const relations = await relationsNamed(ask, kind.tables)
      const written = relations?.map(relation => ({ relation, event }))
      const writes =
        written === undefined
          ? [ANY_TABLE]
          : await writtenTags(ask, { written, functions: [], cascade, functionWrites })
      return { read: NO_QUERY, writes, changesSchema: false, changesNames: false }
    }
    case 'query': {
      const dependencies = await queryDependencies(ask, { text: kind.text, types }, functionWrites)
      return kind.text === text ? dependencies : { ...dependencies, read: NO_QUERY }
    }
    default:
      return kind satisfies never
  }
}

async function queryDependencies(
  ask: Ask,
  statement: StatementText,
  functionWrites: FunctionWrites,
): Promise<Dependencies> {
  const parameters = await parameterTypes(ask, statement)
  const tree = new TreeFacts()
  tree.add(readNodeTree(await parsed(ask, withNulls(statement.text, parameters))))
  const { written } = tree
  const relations = await throughViews(ask, tree)
  const called = await calledFacts(ask, {
    functions: tree.functions,
    operators: tree.operators,
    types: new Set([
      ...tree.readTypes,
      ...tree.writtenTypes,
      ...tree.handledTypes,
      ...parameters.map(({ oid }) => oid),
    ]),
  })
  const calls = called.functions.filter(one => one.volatility === 'v' && !one.builtin)
  const writes = await writtenTags(ask, { written, functions: calls, cascade: false, functionWrites })
  const read = readVerdict({
    statement,
    tree,
    relations,
    called,
    parameters,
    mayWrite: calls.filter(one => !one.harmless),
  })
  return { read, writes, changesSchema: false, changesNames: changesNames(statement.text) }
}

interface ParameterType {
  readonly oid: number
  /** As a cast has it. */
  readonly name: string
}

/** The server's answer to what each parameter is. */
async function parameterTypes(ask: Ask, { text, types }: StatementText): Promise<readonly ParameterType[]> {
  if (!hasParameters(text)) return []
  const name = `asked_${randomBytes(8).toString('hex')}`
  const declared = types.length === 0 ? '' : `(${(await typeNames(ask, types)).join(', ')})`
  await ask(`prepare ${name}${declared} as ${text}`)
  const found = await ask(
    `select pg_catalog.json_agg(pg_catalog.json_build_object('oid', t.oid::bigint, 'name', pg_catalog.format_type(t.oid, null)) order by t.place)::text
     from pg_catalog.pg_prepared_statements s, unnest(s.parameter_types::oid[]) with ordinality t(oid, place) where s.name = '${name}'`,
  )
  await ask(`deallocate ${name}`)
  return JSON.parse(found ?? '[]') as ParameterType[]
}

async function typeNames(ask: Ask, types: readonly number[]): Promise<readonly string[]> {
  if (types.every(type => type === 0)) return types.map(() => 'unknown')
  const found = await ask(
    `select pg_catalog.json_agg(case t.oid when 0 then 'unknown' else pg_catalog.format_type(t.oid, null) end order by t.place)::text
     from unnest('{${types.map(Number).join()}}'::oid[]) with ordinality t(oid, place)`,
  )
  return JSON.parse(found ?? '[]') as string[]
}

async function parsed(ask: Ask, text: string): Promise<string> {
  const name = `asked_${randomBytes(8).toString('hex')}`
  await ask(`create function pg_temp.${name}() returns void language sql begin atomic ${text}\n; end`)
  const tree = await ask(
    `select prosqlbody::text from pg_catalog.pg_proc where proname = '${name}' and pronamespace = pg_catalog.pg_my_temp_schema()`,
  )
  if (tree === null) throw new SyntaxError('The server keeps no tree of the statement.')
  return tree
}

function hasParameters(text: string): boolean {
  let found = false
  scanSql(text, kind => void (found ||= kind === 'parameter'))
  return found
}

function withNulls(text: string, parameters: readonly ParameterType[]): string {
  let written = ''
  let from = 0
  scanSql(text, (kind, start, end) => {
    if (kind !== 'parameter') return
    const type = parameters[Number(text.slice(start + 1, end)) - 1]
    if (type === undefined) throw new SyntaxError('A parameter of the statement has no type.')
    written += `${text.slice(from, start)}(null::${type.name})`
    from = end
  })
  return written + text.slice(from)
}

/** Adds what stands in views, and in views of views; gives all relations that were met. */
async function throughViews(ask: Ask, tree: TreeFacts): Promise<readonly RelationFacts[]> {
  const known = new Map<number, RelationFacts>()
  for (;;) {
    const unknown = [...tree.relations].filter(oid => known.get(oid)?.below !== false)
    if (unknown.length === 0) return [...known.values()]
    const found = await relationFacts(ask, unknown)
    for (const relation of found) {
      // Below one and asked for by its name as well.
      if (known.get(relation.oid)?.below === false) continue
      known.set(relation.oid, relation)
      if (relation.definition !== null) tree.add(readNodeTree(relation.definition))
    }
    if (unknown.some(oid => !known.has(oid)))
      throw new SyntaxError('A relation of the statement is not in the catalog.')
  }
}

interface ReadFacts {
  readonly statement: StatementText
  readonly tree: TreeFacts
  readonly relations: readonly RelationFacts[]
  readonly called: CalledFacts
  readonly parameters: readonly ParameterType[]
  readonly mayWrite: readonly FunctionFacts[]
}

function readVerdict(facts: ReadFacts): ReadVerdict {
  const { statement, tree, relations, called, parameters, mayWrite } = facts
  if (tree.written.length > 0) return { kind: 'refused', reason: 'it writes' }
  if (tree.locks) return { kind: 'refused', reason: 'it locks rows' }
  const [writer] = mayWrite
  if (writer !== undefined) {
    return {
      kind: 'refused',
      reason: `${writer.name}() is volatile, so it may write; declare it stable if it only reads`,
    }
  }
  const types = new Map(called.types.map(type => [type.oid, type]))
  const moments = parameters.flatMap(({ oid }, index) => (MOMENTS.has(oid) ? [index] : []))
  const reason =
    tree.unsteady ??
    first(relations, relationReason) ??
    first(called.functions, one => functionReason(one, called.jsonCasts)) ??
    first(tree.readTypes, oid => conversionReason(types.get(oid), 'input')) ??
    first(tree.writtenTypes, oid => conversionReason(types.get(oid), 'output')) ??
    first(tree.handledTypes, oid =>
      types.get(oid)?.builtin === true ? undefined : 'it compares values of a type of its own',
    ) ??
    first(parameters, ({ oid, name }) => parameterReason(types, oid, name)) ??
    (hasMovingLiteral(statement.text) ? "it may have a moment that moves, such as 'now' or 'today'" : undefined)
  if (reason !== undefined) return { kind: 'by-hand', reason }
  const tags = relations
    .filter(({ kind, below }) => kind !== 'v' && !below)
    .map(({ schema, name }) => tableTag(schema, name))
  if (tags.length === 0) return { kind: 'by-hand', reason: 'it reads no table' }
  return { kind: 'steady', tags: [...new Set(tags)].toSorted().concat(ANY_TABLE), moments }
}

function first<Item>(items: Iterable<Item>, reasonOf: (item: Item) => string | undefined): string | undefined {
  for (const item of items) {
    const reason = reasonOf(item)
    if (reason !== undefined) return reason
  }
  return undefined
}

const TABLES: ReadonlySet<string> = new Set(['r', 'p', 'm', 'v'])

function relationReason({ schema, name, kind, lasting, secured }: RelationFacts): string | undefined {
  const label = `${schema}.${name}`
  if (schema === 'information_schema' || schema.startsWith('pg_')) return `${label} is of the system's catalog`
  if (!lasting) return `${label} is temporary, or empty after a crash (unlogged)`
  if (!TABLES.has(kind)) return `${label} is no table of this database (a foreign table, a sequence)`
  return secured ? `${label} has row security: its rows depend on who asks` : undefined
}

/**
 * Stable functions that depend on the settings for output and on nothing else: on what the text of a column depends as well. Settings of sessions are taken as fixed.
 */
const SETTINGS_ONLY: ReadonlySet<string> = new Set(
  `
  to_json to_jsonb row_to_json array_to_json json_build_object json_build_array jsonb_build_object jsonb_build_array
  json_agg json_agg_strict jsonb_agg jsonb_agg_strict json_object_agg json_object_agg_strict json_object_agg_unique
  json_object_agg_unique_strict jsonb_object_agg jsonb_object_agg_strict jsonb_object_agg_unique
  jsonb_object_agg_unique_strict array_to_string concat concat_ws format textanycat anytextcat
`
    .trim()
    .split(/\s+/),
)

function functionReason({ name, builtin, volatility }: FunctionFacts, jsonCasts: boolean): string | undefined {
  if (!builtin) return `it calls ${name}(), which is not PostgreSQL's own`
  if (volatility === 'i') return undefined
  const plain = name.slice('pg_catalog.'.length)
  if (!SETTINGS_ONLY.has(plain)) return `${plain}() depends on the time, the session, the user, or chance`
  return jsonCasts && plain.includes('json') ? 'somebody has defined a cast to json' : undefined
}

function conversionReason(type: TypeFacts | undefined, way: 'input' | 'output'): string | undefined {
  if (type?.kind === 'e' || (type?.builtin === true && type[way] === 'i')) return undefined
  return 'it converts between text and a type whose text depends on settings or the time'
}

/** date, timestamp, timestamptz, time, and arrays of them. */
const MOMENTS: ReadonlySet<number> = new Set([1082, 1114, 1184, 1083, 1182, 1115, 1185, 1183])

function parameterReason(types: ReadonlyMap<number, TypeFacts>, oid: number, name: string): string | undefined {
  if (MOMENTS.has(oid)) return undefined
  const type = types.get(oid)
  const base = type !== undefined && type.element !== 0 ? types.get(type.element) : type
  if (base?.kind === 'e' || (base?.builtin === true && base.input === 'i')) return undefined
  return `a parameter is of type ${name}, whose text depends on settings or the time`
}

interface Writing {
  readonly written: readonly WrittenRelation[]
  /** That are called beside, and may write. */
  readonly functions: readonly FunctionFacts[]
  readonly cascade: boolean
  readonly functionWrites: FunctionWrites
}

/** Tags of all that is written; [ANY_TABLE] when it can't be followed. */
async function writtenTags(
  ask: Ask,
  { written, functions, cascade, functionWrites }: Writing,
): Promise<readonly string[]> {
  const followed = new Set<string>()
  const roots = [...written]
  let facts: WriteFacts = { tables: [], functions, rules: false }
  let left = writersOf(functions)
  do {
    for (const name of left) {
      const tables = Object.hasOwn(functionWrites, name) ? functionWrites[name] : undefined
      const relations = tables === undefined ? undefined : await relationsNamed(ask, tables)
      if (relations === undefined) return [ANY_TABLE]
      followed.add(name)
      for (const relation of relations) {
        for (const event of [EVENT.insert, EVENT.update, EVENT.delete]) roots.push({ relation, event })
      }
    }
    if (roots.length === 0) return []
    facts = await writeFacts(ask, roots, cascade)
    if (facts.rules) return [ANY_TABLE]
    left = writersOf(facts.functions).filter(name => !followed.has(name))
  } while (left.length > 0)
  return facts.tables.map(({ schema, name }) => tableTag(schema, name)).toSorted()
}

function writersOf(functions: readonly FunctionFacts[]): string[] {
  return functions.filter(one => !one.builtin && !one.harmless).map(({ name }) => name)
}
