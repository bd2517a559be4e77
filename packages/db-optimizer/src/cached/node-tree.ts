// Reads the server's own written form of a parsed statement (pg_node_tree, src/backend/nodes/outfuncs.c).
//
//     {QUERY :commandType 1 :rtable ({RANGETBLENTRY :relid 16432 ...} ...) :hasAggs false :havingQual <> ...}
//
//     node    {NAME :field value :field value ...}
//     list    ( value ... )      also (o 23 25), (i 1 2), (b 8): kind first, then numbers
//     none    <>
//     token   up to a blank or one of (){}; a backslash takes the next character as it is
//     datum   :constvalue 4 [ 1 0 0 0 ]      the one value that has two parts
//
// A field has exactly one value, so a column that's called ":relid" is a value and no field. What doesn't fit is an error: nothing is skipped.

export interface TreeNode {
  readonly name: string
  readonly fields: ReadonlyMap<string, TreeValue>
}

export type TreeValue = TreeNode | readonly TreeValue[] | string | null

const ENDS = /[\s(){}]/

/** @throws SyntaxError */
export function readNodeTree(text: string): TreeValue {
  const reader = new Reader(text)
  const value = reader.value()
  reader.end()
  return value
}

export function isNode(value: TreeValue | undefined): value is TreeNode {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

class Reader {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  end(): void {
    this.#blanks()
    if (this.#at < this.#text.length) throw this.#unexpected()
  }

  value(): TreeValue {
    this.#blanks()
    const char = this.#text[this.#at]
    if (char === '{') return this.#node()
    if (char === '(') return this.#list()
    const token = this.#token()
    return token === '<>' ? null : unescaped(token)
  }

  #node(): TreeNode {
    this.#at += 1
    const name = this.#token()
    const fields = new Map<string, TreeValue>()
    for (;;) {
      this.#blanks()
      if (this.#text[this.#at] === '}') break
      const field = this.#token()
      if (!field.startsWith(':')) throw this.#unexpected()
      fields.set(field.slice(1), this.value())
      this.#datum()
    }
    this.#at += 1
    return { name, fields }
  }

  #list(): TreeValue[] {
    this.#at += 1
    const items: TreeValue[] = []
    for (;;) {
      this.#blanks()
      if (this.#text[this.#at] === ')') break
      items.push(this.value())
    }
    this.#at += 1
    return items
  }

  #datum(): void {
    this.#blanks()
    if (this.#text[this.#at] !== '[') return
    const end = this.#text.indexOf(']', this.#at)
    if (end < 0) throw this.#unexpected()
    this.#at = end + 1
  }

  #token(): string {
    this.#blanks()
    const start = this.#at
    while (this.#at < this.#text.length && !ENDS.test(this.#text[this.#at] as string)) {
      this.#at += this.#text[this.#at] === '\\' ? 2 : 1
    }
    if (this.#at === start) throw this.#unexpected()
    return this.#text.slice(start, this.#at)
  }

  #blanks(): void {
    while (/\s/.test(this.#text[this.#at] ?? '')) this.#at += 1
  }

  #unexpected(): SyntaxError {
    return new SyntaxError(
      `Not a node tree as this package knows it, at character ${this.#at} of ${this.#text.length}.`,
    )
  }
}

function unescaped(token: string): string {
  const plain = token.replaceAll(/\\(.)/gs, '$1')
  return plain.length >= 2 && token.startsWith('"') && token.endsWith('"') ? plain.slice(1, -1) : plain
}
