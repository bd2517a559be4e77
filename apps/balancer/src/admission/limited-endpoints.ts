// Which endpoint of the service a request counts under, of those that were named: never a text of the client's, so the set is bounded.
//
//   /courses               /courses  /courses/  /courses/7?x          but not /courseses
//   /courses/*/lessons     /courses/7/lessons  /courses/7/lessons/1   `*` is any one segment
//   /                      what no other pattern names
//
// Of several patterns the one with most segments counts; of equally long ones the one that's literal where they first differ.
//
// A path is compared as servers that are lenient read it: without regard to case, %61 as a, //, /./ and ..\ resolved, ;parameters left out. Else a
// client had a further count for each way to write a path. Only the count goes by it: what's sent on is as it came. `%2F` stays as it is,
// since it divides no segments for most servers; whoever writes paths that servers read differently counts under another endpoint at most.
// @hot
import { TARGET_FORM, type MessageHead } from '@plimsoll/http1'

/** More than an API has; each costs memory per address that uses it. */
const MAX_PATTERNS = 256
const SLASH = 0x2f
const DOT = 0x2e

/** One segment of the patterns: what may follow, and the pattern that ends here. */
interface Segment {
  readonly depth: number
  pattern: string | null
  readonly literal: Map<string, Segment>
  any: Segment | null
}

export class LimitedEndpoints {
  readonly #root = segmentAt(0)

  /** Patterns in which `limitedEndpointIssues` finds nothing wrong. */
  constructor(patterns: readonly string[]) {
    for (const pattern of patterns) {
      let at = this.#root
      for (const name of segmentsOf(pattern)) {
        let next = name === '*' ? at.any : at.literal.get(name)
        if (!next) {
          next = segmentAt(at.depth + 1)
          if (name === '*') at.any = next
          else at.literal.set(name, next)
        }
        at = next
      }
      at.pattern = pattern
    }
  }

  /** The pattern, as it was given; null when none names the path. `target` is the request's, as it was sent. */
  of(head: MessageHead, target: string): string | null {
    const sent = head.targetForm === TARGET_FORM.origin ? target : head.pathString()
    if (sent.charCodeAt(0) !== SLASH) return null
    const query = sent.indexOf('?')
    const path = query === -1 ? sent : sent.slice(0, query)
    return deepest(this.#root, isPlain(path) ? path : canonicalPath(path), 1)?.pattern ?? null
  }
}

function segmentAt(depth: number): Segment {
  return { depth, pattern: null, literal: new Map(), any: null }
}

function segmentsOf(pattern: string): string[] {
  return canonicalPath(pattern)
    .split('/')
    .filter(name => name !== '')
}

/** The deepest segment with a pattern from here on. Each segment of the tree is looked at once at most. */
function deepest(at: Segment, path: string, start: number): Segment | null {
  const here = at.pattern === null ? null : at
  if (start >= path.length) return here
  const slash = path.indexOf('/', start)
  const end = slash === -1 ? path.length : slash
  const literal = at.literal.get(path.slice(start, end))
  const byLiteral = literal ? deepest(literal, path, end + 1) : null
  const byAny = at.any ? deepest(at.any, path, end + 1) : null
  if (byLiteral !== null && (byAny === null || byLiteral.depth >= byAny.depth)) return byLiteral
  return byAny ?? here
}

/** Whether `canonicalPath` would leave it as it is, but for a slash at its end. */
function isPlain(path: string): boolean {
  for (let i = 0; i < path.length; i++) {
    const unit = path.charCodeAt(i)
    if (unit === SLASH && i + 1 < path.length) {
      const next = path.charCodeAt(i + 1)
      if (next === SLASH || next === DOT) return false
    }
    // % ; \ and capital letters.
    if (unit === 0x25 || unit === 0x3b || unit === 0x5c || (unit >= 0x41 && unit <= 0x5a)) return false
  }
  return true
}

/** `path` begins with a slash and has no query. */
function canonicalPath(path: string): string {
  const segments: string[] = []
  for (const written of decoded(path).toLowerCase().replaceAll('\\', '/').split('/')) {
    const parameters = written.indexOf(';')
    const segment = parameters === -1 ? written : written.slice(0, parameters)
    if (segment === '..') segments.pop()
    else if (segment !== '' && segment !== '.') segments.push(segment)
  }
  return `/${segments.join('/')}`
}

/** Printable ASCII, once; but for / % ; whose encoded form is there so that they don't count as such. */
function decoded(path: string): string {
  return path.replace(/%[2-7][\da-f]/gi, octet => {
    const character = String.fromCharCode(Number.parseInt(octet.slice(1), 16))
    return character === '/' || character === '%' || character === ';' || character === '\x7f' ? octet : character
  })
}

/** What's wrong with patterns, one sentence each. */
export function limitedEndpointIssues(patterns: readonly string[]): string[] {
  const issues = patterns
    .filter(pattern => !isPattern(pattern))
    .map(pattern => {
      return `"${pattern}" is no pattern of a path; it looks like /courses or /courses/*/lessons: without ?, #, %, ;, \\, empty segments and dots, and with * for a whole segment`
    })
  if (patterns.length > MAX_PATTERNS) issues.push(`there are ${patterns.length} patterns, and at most ${MAX_PATTERNS}`)
  const seen = new Map<string, string>()
  for (const pattern of patterns) {
    const path = canonicalPath(pattern)
    const before = seen.get(path)
    if (before !== undefined) issues.push(`"${before}" and "${pattern}" are the same: leave one out`)
    seen.set(path, pattern)
  }
  return issues
}

function isPattern(pattern: string): boolean {
  if (!/^\/[!-"$&-:<-[\]-~]*$/.test(pattern) || pattern.includes('?')) return false
  const path = pattern.length > 1 ? pattern.replace(/\/$/, '') : pattern
  return (
    canonicalPath(path) === path.toLowerCase() && path.split('/').every(name => name === '*' || !name.includes('*'))
  )
}
