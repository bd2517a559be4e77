// What a parsed statement touches: relations, what it writes, functions, operators, conversions; and the first thing in it that may make the same rows wrong later.
//
// Read from the tree after parse analysis and before rewriting and planning: views stand in it by name, names are resolved, overloads chosen. A plan would tell less: it leaves
// out what was pruned, folded away, or joined for nothing, and its expressions are text.
//
// Two different cares. For reads, a node that isn't in the list of harmless ones counts as harmful, so what a later PostgreSQL brings isn't cached until somebody has
// looked. For writes, what's looked for is every written relation and every function that's called, wherever it stands.
import { isNode, type TreeNode, type TreeValue } from './node-tree.ts'

/** Bits of pg_trigger.tgtype. */
export const EVENT = { insert: 4, delete: 8, update: 16, truncate: 32 } as const

export interface WrittenRelation {
  readonly relation: number
  readonly event: number
}

export class TreeFacts {
  readonly relations = new Set<number>()
  readonly written: WrittenRelation[] = []
  readonly functions = new Set<number>()
  readonly operators = new Set<number>()
  /** Types whose text is read by a conversion, and types that are written as text by one. */
  readonly readTypes = new Set<number>()
  readonly writtenTypes = new Set<number>()
  /** Types that are compared or subscripted by what their type brings, not by a function in the tree. */
  readonly handledTypes = new Set<number>()
  /** Rows are locked: it's no mere read. */
  locks = false
  /** Why the same statement may give other rows without any write; the first that was found. */
  unsteady: string | undefined

  /** Adds what stands in a tree. */
  add(tree: TreeValue): void {
    if (Array.isArray(tree)) for (const item of tree as readonly TreeValue[]) this.add(item)
    else if (isNode(tree)) this.#node(tree)
  }

  #node(node: TreeNode): void {
    const special = UNSTEADY[node.name]
    if (special !== undefined) this.unsteady ??= special
    else if (!HARMLESS.has(node.name)) this.unsteady ??= `it has a part that is not known to be steady (${node.name})`
    this.#look(node)
    for (const [field, value] of node.fields) {
      if (FUNCTION_FIELDS.has(field)) addOid(this.functions, value)
      else if (OPERATOR_FIELDS.has(field)) addOid(this.operators, value)
      else if (typeof value === 'object') this.add(value)
    }
  }

  #look(node: TreeNode): void {
    switch (node.name) {
      case 'QUERY':
        return this.#query(node)
      case 'RANGETBLENTRY':
        addOid(this.relations, node.fields.get('relid') ?? null)
        if (isNode(node.fields.get('tablesample'))) this.unsteady ??= 'it takes a random sample (TABLESAMPLE)'
        return
      case 'VAR':
        // Whole rows are 0. Places and transaction ids of rows change without a write of anybody's.
        if (numberOf(node, 'varattno') < 0) this.unsteady ??= 'it reads a system column'
        return
      case 'COERCEVIAIO':
        return this.#conversion(node)
      case 'ROWCOMPAREEXPR':
        for (const operator of asList(node.fields.get('opnos'))) addOid(this.operators, operator)
        return
      case 'MINMAXEXPR':
        this.handledTypes.add(numberOf(node, 'minmaxtype'))
        return
      case 'SUBSCRIPTINGREF':
        this.handledTypes.add(numberOf(node, 'refcontainertype'))
        return
      default:
    }
  }

  #query(node: TreeNode): void {
    const { fields } = node
    if (asList(fields.get('rowMarks')).length > 0) this.locks = true
    const command = numberOf(node, 'commandType')
    const target = numberOf(node, 'resultRelation')
    const events = eventsOf(command, fields)
    if (events.length === 0) return
    const entry = asList(fields.get('rtable'))[target - 1]
    const relation = isNode(entry) ? numberOf(entry, 'relid') : 0
    if (relation === 0) throw new SyntaxError('A statement writes to what is not a relation.')
    for (const event of events) this.written.push({ relation, event })
  }

  #conversion(node: TreeNode): void {
    this.readTypes.add(numberOf(node, 'resulttype'))
    const from = typeOf(node.fields.get('arg'))
    if (from === undefined) this.unsteady ??= 'it converts to text and back what is not known'
    else this.writtenTypes.add(from)
  }
}

/** CmdType, src/include/nodes/nodes.h. */
const UPDATE = 2
const INSERT = 3
const DELETE = 4
const MERGE = 5
/** OnConflictAction. */
const ON_CONFLICT_UPDATE = 2

function eventsOf(command: number, fields: TreeNode['fields']): number[] {
  switch (command) {
    case UPDATE:
      return [EVENT.update]
    case INSERT: {
      const conflict = fields.get('onConflict')
      const updates = isNode(conflict) && numberOf(conflict, 'action') === ON_CONFLICT_UPDATE
      return updates ? [EVENT.insert, EVENT.update] : [EVENT.insert]
    }
    case DELETE:
      return [EVENT.delete]
    case MERGE:
      return [EVENT.insert, EVENT.update, EVENT.delete]
    default:
      return []
  }
}

/** Of a list with blanks between. */
function words(list: string): ReadonlySet<string> {
  return new Set(list.trim().split(/\s+/))
}

const HARMLESS: ReadonlySet<string> = words(`
  QUERY RANGETBLENTRY RTEPERMISSIONINFO RANGETBLREF RANGETBLFUNCTION JOINEXPR FROMEXPR ALIAS TARGETENTRY VAR CONST PARAM
  FUNCEXPR NAMEDARGEXPR OPEXPR DISTINCTEXPR NULLIFEXPR SCALARARRAYOPEXPR BOOLEXPR SUBLINK SUBSCRIPTINGREF FIELDSELECT
  RELABELTYPE COERCEVIAIO ARRAYCOERCEEXPR CONVERTROWTYPEEXPR COLLATEEXPR CASEEXPR CASEWHEN CASETESTEXPR ARRAYEXPR ROWEXPR
  ROWCOMPAREEXPR COALESCEEXPR MINMAXEXPR NULLTEST BOOLEANTEST AGGREF GROUPINGFUNC WINDOWFUNC WINDOWCLAUSE SORTGROUPCLAUSE
  GROUPINGSET SETOPERATIONSTMT COMMONTABLEEXPR CTESEARCHCLAUSE CTECYCLECLAUSE TABLESAMPLECLAUSE ROWMARKCLAUSE
`)

const UNSTEADY: Readonly<Record<string, string>> = {
  SQLVALUEFUNCTION: 'it depends on the time or the user (current_date, current_user, ...)',
  NEXTVALUEEXPR: 'it takes numbers from a sequence',
  COERCETODOMAIN: 'it converts to a domain, whose checks are not followed',
}

const FUNCTION_FIELDS: ReadonlySet<string> = words(
  'funcid opfuncid hashfuncid negfuncid aggfnoid winfnoid startInRangeFunc endInRangeFunc',
)
const OPERATOR_FIELDS: ReadonlySet<string> = new Set(['eqop', 'sortop', 'opno', 'cycle_mark_neop'])

/** The field that has an expression's type. */
const TYPE_FIELDS: Readonly<Record<string, string>> = {
  VAR: 'vartype',
  CONST: 'consttype',
  PARAM: 'paramtype',
  FUNCEXPR: 'funcresulttype',
  OPEXPR: 'opresulttype',
  AGGREF: 'aggtype',
  WINDOWFUNC: 'wintype',
  RELABELTYPE: 'resulttype',
  COERCEVIAIO: 'resulttype',
  ARRAYCOERCEEXPR: 'resulttype',
  FIELDSELECT: 'resulttype',
  CASEEXPR: 'casetype',
  COALESCEEXPR: 'coalescetype',
  MINMAXEXPR: 'minmaxtype',
  SUBSCRIPTINGREF: 'refrestype',
}

function typeOf(value: TreeValue | undefined): number | undefined {
  if (!isNode(value)) return undefined
  const field = TYPE_FIELDS[value.name]
  return field === undefined ? undefined : numberOf(value, field)
}

function asList(value: TreeValue | undefined): readonly TreeValue[] {
  return Array.isArray(value) ? (value as readonly TreeValue[]) : []
}

function addOid(to: Set<number>, value: TreeValue): void {
  const oid = typeof value === 'string' ? Number(value) : 0
  if (oid > 0) to.add(oid)
}

/** @throws SyntaxError where it isn't a number: then the tree isn't one that this package knows */
function numberOf(node: TreeNode, field: string): number {
  const value = node.fields.get(field)
  const number = typeof value === 'string' ? Number(value) : Number.NaN
  if (!Number.isInteger(number)) throw new SyntaxError(`${node.name} has no number "${field}".`)
  return number
}
