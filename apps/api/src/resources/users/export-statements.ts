// The statements that read a section of personal data, page by page. Made once from the table in personal-data.ts; nothing in their texts comes from a request.
//
// Two of them, so that each page begins where the last one ended, whatever lies before:
//
//   within one owner   where owner = $1 and key > $2            order by key           limit …     all sections
//   over later owners  where parent's owner = $1 and id > $2    order by owner, key    limit …     sections through another table
//
// The second stops as soon as its page is full, since each owner's rows come from an index in order. Of long texts a page takes no more than its share: how many bytes
// they have is known without unpacking them.
import { columnOf, formOf, type FieldForm, type Section } from './personal-data.ts'

/** Rows of a page at most. */
const PAGE_ROWS = 500
/** The row that passes it is the page's last. */
const PAGE_BYTES = 256 * 1024

export interface SectionStatements {
  /** Of $1: the first page. */
  readonly first: string
  /** Of $1, behind the key in $2 and on; undefined: there's one row at most. */
  readonly next: string | undefined
  /** Of the user $1, owners with ids above $2; undefined: the owner is the user. */
  readonly later: string | undefined
}

export function statementsOf(section: Section): SectionStatements {
  const { table, owner, through, key } = section
  const keys = key.map(columnOf)
  const within = (condition: string): string =>
    page(
      section,
      `select t.* from ${table} t where t.${owner} = $1::bigint ${condition} ${orderedBy(keys)} limit ${PAGE_ROWS}`,
      keys,
    )
  const behind = key.map((field, index) => `$${index + 2}::${keyType(section.fields[field])}`).join(', ')
  const overOwners = [owner, ...keys]
  return {
    first: within(''),
    next: keys.length === 0 ? undefined : within(`and (${listed(keys)}) > (${behind})`),
    later:
      through === undefined
        ? undefined
        : page(
            section,
            `
            select t.*
            from ${through.table} p
            cross join lateral (
              select * from ${table} t where t.${owner} = p.id ${orderedBy(keys)} limit ${PAGE_ROWS}
            ) t
            where p.${through.owner} = $1::bigint and p.id > $2::bigint
            order by p.id, ${listed(keys)}
            limit ${PAGE_ROWS}`,
            overOwners,
          ),
  }
}

/** What of the chosen rows fits a page, as fields. */
function page({ fields, joined, long = [] }: Section, chosen: string, order: readonly string[]): string {
  const own = Object.entries(fields).map(([field, form]) => selected('t', field, form))
  const others = Object.entries(joined?.fields ?? {}).map(([field, form]) => selected('j', field, form))
  const join = joined === undefined ? '' : `join ${joined.table} j on j.id = t.${joined.column}`
  const bytes = long.map(field => `octet_length(t.${columnOf(field)})`).join(' + ')
  const bounded =
    long.length === 0
      ? `(${chosen}) t`
      : `(select t.*, sum(${bytes}) over (${orderedBy(order)}) - (${bytes}) as bytes_before from (${chosen}) t) t`
  const fits = long.length === 0 ? '' : `where t.bytes_before < ${PAGE_BYTES}`
  return `select ${[...own, ...others].join(', ')} from ${bounded} ${join} ${fits} ${orderedBy(order)}`
}

function selected(source: string, field: string, form: FieldForm): string {
  const column = `${source}.${columnOf(field)}`
  return `${expression(column, form)} as "${field}"`
}

function expression(column: string, form: FieldForm): string {
  const plain = formOf(form)
  switch (plain) {
    case 'secret':
      return `case when ${column} is null then null else 'exists' end`
    case 'digest':
      return `encode(${column}, 'hex')`
    case 'day':
      return `${column}::text`
    case 'integer':
    case 'real':
    case 'text':
    case 'texts':
    case 'boolean':
    case 'time':
    case 'money':
      return column
    default:
      return plain satisfies never
  }
}

function keyType(form: FieldForm | undefined): string {
  return form === 'time' ? 'timestamptz' : 'bigint'
}

function orderedBy(columns: readonly string[]): string {
  return columns.length === 0 ? '' : `order by ${listed(columns)}`
}

function listed(columns: readonly string[]): string {
  return columns.map(column => `t.${column}`).join(', ')
}
