// Arrays of every type that the server has, learnt with a connection's first statement.
//
// The driver can do it itself (`fetch_types`), but nobody catches what that query of its own is rejected with: a connection that ends at that moment ends the
// process. So it's switched off, and this fills in the same tables. It also reads NULL elements as null, where the driver gives the text "NULL" to the parser.
//
// Text form of arrays: PostgreSQL 8.15.6. `{1,NULL,"a \"b\" \\ c",{...}}`, optionally behind bounds: `[0:1]={...}`.

/** Types with an array type, and what separates their elements. */
export const ARRAY_TYPES_QUERY = 'select oid, typarray, typdelim from pg_catalog.pg_type where typarray <> 0'

type Parse = (text: string) => unknown
type Serialize = (value: unknown) => unknown

/** The driver's tables, by type number. */
export interface TypeTables {
  readonly parsers: Record<number, Parse>
  readonly serializers: Record<number, Serialize>
  readonly shared: { readonly typeArrayMap: Record<number, number> }
}

/** Puts the rows of {@link ARRAY_TYPES_QUERY} into the driver's tables. */
export function learnArrayTypes(rows: readonly object[], tables: TypeTables): void {
  const { parsers, serializers, shared } = tables
  for (const row of rows) {
    const oid = Number(Reflect.get(row, 'oid'))
    const arrayOid = Number(Reflect.get(row, 'typarray'))
    const delimiter = String(Reflect.get(row, 'typdelim'))
    shared.typeArrayMap[oid] ??= arrayOid
    parsers[arrayOid] ??= text => parseArray(text, parsers[oid], delimiter)
    serializers[arrayOid] ??= value => serializeArray(value, serializers[oid], delimiter)
  }
}

/** @throws SyntaxError for what isn't an array */
export function parseArray(text: string, parse: Parse = text => text, delimiter = ','): unknown[] {
  let i = text.startsWith('[') ? text.indexOf('=') + 1 : 0
  const array = (): unknown[] => {
    if (text[i] !== '{') throw new SyntaxError('An array of the server has no opening brace.')
    i += 1
    const elements: unknown[] = []
    while (i < text.length && text[i] !== '}') {
      if (text[i] === '{') elements.push(array())
      else if (text[i] === '"') elements.push(parse(quoted()))
      else elements.push(bare())
      if (text[i] === delimiter) i += 1
    }
    if (i >= text.length) throw new SyntaxError('An array of the server has no closing brace.')
    i += 1
    return elements
  }
  const quoted = (): string => {
    let value = ''
    for (i += 1; i < text.length && text[i] !== '"'; i++) {
      if (text[i] === '\\') i += 1
      value += text[i]
    }
    i += 1
    return value
  }
  const bare = (): unknown => {
    const start = i
    while (i < text.length && text[i] !== delimiter && text[i] !== '}') i += 1
    const value = text.slice(start, i)
    return value.toUpperCase() === 'NULL' ? null : parse(value)
  }
  return array()
}

/** The text form; what isn't an array is left as it is. @throws TypeError for undefined elements */
export function serializeArray(value: unknown, serialize: Serialize = String, delimiter = ','): unknown {
  if (!Array.isArray(value)) return value
  const elements = value.map((element: unknown) => {
    if (element === undefined) throw new TypeError('An array has an undefined element.')
    if (element === null) return 'null'
    if (Array.isArray(element)) return serializeArray(element, serialize, delimiter)
    // A parameter of the driver: sql.typed(value, type).
    const plain = typeof element === 'object' && 'type' in element && 'value' in element ? element.value : element
    return `"${String(serialize(plain)).replaceAll(/["\\]/g, '\\$&')}"`
  })
  return `{${elements.join(delimiter)}}`
}
