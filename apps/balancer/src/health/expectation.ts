// What an endpoint has to answer for a check to pass: status, one header field, text in the body.
//
// Read once from the options, which say it as text; whatever doesn't parse, or could never matter, is refused then with a sentence.
import type { MessageHead } from '@plimsoll/http1'

/** The options that say how an endpoint is asked and what it has to answer. */
export interface CheckRequestOptions {
  readonly path: string
  readonly method: 'GET' | 'HEAD'
  readonly expectStatus: string
  readonly expectBody: string
  readonly expectHeader: string
  readonly host: string
  readonly reuseConnection: boolean
}

/** Final statuses: 1xx ones announce that another one comes. */
const LEAST_STATUS = 200
const MOST_STATUS = 599

/** Bytes of a body that are looked at; an answer that's longer is judged by them, and its connection isn't kept. */
export const MAX_BODY_BYTES = 65_536

type Span = readonly [from: number, to: number]

export class Expectation {
  readonly #statusText: string
  readonly #statuses: readonly Span[]
  readonly #header: { readonly name: string; readonly text: string } | null
  readonly #body: Buffer | null

  /** @throws Error with a sentence that names the option. */
  constructor(options: Pick<CheckRequestOptions, 'expectStatus' | 'expectHeader' | 'expectBody'>) {
    this.#statusText = options.expectStatus
    this.#statuses = parseStatuses(options.expectStatus)
    this.#header = options.expectHeader === '' ? null : parseHeader(options.expectHeader)
    this.#body = options.expectBody === '' ? null : Buffer.from(options.expectBody, 'utf8')
  }

  /** Whether the body has to be seen. */
  get readsBody(): boolean {
    return this.#body !== null
  }

  /** What's wrong with the head of a final answer, or null. */
  judgeHead(head: MessageHead): string | null {
    const { status } = head
    if (!this.#statuses.some(([from, to]) => status >= from && status <= to)) {
      return `answered ${status}, expected ${this.#statusText}`
    }
    if (this.#header === null) return null
    const { name, text } = this.#header
    let index = head.findName(name)
    if (index === -1) return `answered without the field ${name}`
    for (; index !== -1; index = head.findName(name, index + 1)) if (head.valueString(index).includes(text)) return null
    return `answered with a field ${name} that does not contain "${text}"`
  }

  /** What's wrong with the body, or with its first bytes when it's long, or null. */
  judgeBody(body: Buffer): string | null {
    if (this.#body === null || body.includes(this.#body)) return null
    return `answered with a body that does not contain "${this.#body.toString()}"`
  }
}

/** Reads `200-399`, `200`, `200, 204, 301-302`. */
function parseStatuses(text: string): Span[] {
  return text.split(',').map(part => {
    const [, from = '', to = from] = /^\s*(\d{3})(?:\s*-\s*(\d{3}))?\s*$/.exec(part) ?? []
    if (from === '') {
      throw new Error(
        `expectStatus "${text}": "${part.trim()}" is neither a status nor a range, as in 200-399 or 200,204`,
      )
    }
    const span: Span = [Number(from), Number(to)]
    if (span[0] < LEAST_STATUS || span[1] > MOST_STATUS) {
      throw new Error(`expectStatus "${text}": a final answer has a status from ${LEAST_STATUS} to ${MOST_STATUS}`)
    }
    if (span[0] > span[1]) throw new Error(`expectStatus "${text}": the range "${part.trim()}" runs backwards`)
    return span
  })
}

/** Reads `name: text`; without a text the field only has to be there. */
function parseHeader(field: string): { name: string; text: string } {
  const match = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([\x20-\x7e\x80-\xff\t]*)$/.exec(field)
  if (match === null) {
    throw new Error(
      `expectHeader "${field}": needs a field's name and the text that its value contains, as in "x-ready: yes"`,
    )
  }
  return { name: match[1] ?? '', text: (match[2] ?? '').trim() }
}

/** pchar, "/", "?" of RFC 3986, 3.3 and 3.4, in origin-form (RFC 9112, 3.2.1). */
const TARGET = /^\/[A-Za-z0-9\-._~!$&'()*+,;=:@/?%]*$/
/** uri-host [":" port] of RFC 9110, 7.2: no space, no delimiter of another part. */
const HOST = /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9\-._~!$&'()*+,;=%]+)(?::\d{1,5})?$/

/** What doesn't parse or contradicts itself, one sentence each, with the option's name in front. */
export function checkRequestIssues(options: CheckRequestOptions): string[] {
  const issues: string[] = []
  const { path, method, expectBody, expectHeader, expectStatus, host } = options
  for (const expected of [{ expectStatus }, { expectHeader }]) {
    try {
      void new Expectation({ expectStatus: '200', expectHeader: '', expectBody: '', ...expected })
    } catch (error) {
      issues.push((error as Error).message)
    }
  }
  if (path !== '' && !TARGET.test(path)) {
    issues.push(`path "${path}": starts with / and holds no space and no character that has to be percent-encoded`)
  }
  if (host !== '' && !HOST.test(host)) issues.push(`host "${host}": is a name or an address, with a port or without`)
  if (path === '') {
    for (const [name, value] of Object.entries({ expectBody, expectHeader, host })) {
      if (value !== '')
        issues.push(`${name} and path: without a path only a connection is opened, and nothing is asked`)
    }
  } else if (method === 'HEAD' && expectBody !== '') {
    issues.push('expectBody and method: the answer to HEAD has no body; use GET')
  }
  return issues
}
