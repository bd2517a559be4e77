// Which requests need no database, by the path that they ask for.
//
//   prefix /static    /static  /static/  /static/a?b      but not /statics, /%73tatic, /STATIC
//
// The path is compared as it was sent, octet by octet, up to "?": what's written otherwise isn't recognised, and only loses its advantage.
// A prefix ends where a segment ends. @hot
import type { MessageHead } from '@plimsoll/http1'

const SLASH = 0x2f

export class DatabaseFreePaths {
  readonly #prefixes: readonly Buffer[]

  /** `prefixes` begin with "/"; a "/" at the end makes no difference, and "/" alone stands for every path. */
  constructor(prefixes: readonly string[]) {
    this.#prefixes = prefixes.map(prefix => Buffer.from(prefix.replace(/\/+$/, ''), 'utf8'))
  }

  /** True unless a request is known to need none. With no prefixes nothing is told apart, and nobody is said to need it. */
  needsDatabase(head: MessageHead): boolean {
    if (this.#prefixes.length === 0) return false
    const { buffer, pathStart, queryStart } = head
    for (const prefix of this.#prefixes) if (begins(buffer, pathStart, queryStart, prefix)) return false
    return true
  }
}

function begins(buffer: Buffer, start: number, end: number, prefix: Buffer): boolean {
  const behind = start + prefix.length
  if (behind > end || (behind < end && buffer[behind] !== SLASH)) return false
  for (let i = 0; i < prefix.length; i++) if (buffer[start + i] !== prefix[i]) return false
  return true
}

/** What's wrong with prefixes, one sentence each. */
export function databaseFreeIssues(prefixes: readonly string[]): string[] {
  return prefixes
    .filter(prefix => !/^\/[!-"$->@-~]*$/.test(prefix))
    .map(prefix => `"${prefix}" is no prefix of a path; it begins with / and holds no space, ?, # or octet above 126`)
}
