// What's wrong with an answer: by the document alone, and by rules that hold for all answers.
//
// By the document: the status is one of the operation's, the media type is one of the status', the body has the shape of that and nothing else, header fields that are
// always there are there. For all: a 5xx is never right here, where nothing is broken; a problem is whole, repeats its status and its id, isn't stored, says nothing of
// the inside, and repeats nothing that was sent as a value.
import { differences } from './differences.ts'
import type { Operation } from './operations.ts'
import type { Answer } from './service.ts'

/** Part of every text that's sent in order to be found again. */
export const CANARY = 'zqCanaryqz'

/** What stack traces, drivers and careless templates leave behind. */
const INSIDE =
  /\bat \/|\bat async\b|node:internal|node_modules|\/(?:home|root|srv|tmp|usr|var|work)\/|\.[cm]?[jt]s:\d|Error:|\bselect\b.*\bfrom\b|\binsert into\b|\bupdate\b.*\bset\b|postgres|violates|SQLSTATE|ECONN|\bundefined\b|\bNaN\b|\[object /i
const PROBLEM = 'application/problem+json'

export interface FaultOptions {
  /** HEAD has the answer of GET without its body. */
  readonly method: string
  readonly secrets: ReadonlySet<string>
}

export function faultsOf(operation: Operation, answer: Answer, { method, secrets }: FaultOptions): string[] {
  const { status, headers, text } = answer
  const found: string[] = []
  if (status >= 500) found.push(`status ${status}`)
  if (JSON.stringify(headers).includes(CANARY)) found.push('a header field repeats what was sent')
  if ('x-injected' in headers) found.push('a header field was injected')
  if (typeof headers['x-request-id'] !== 'string') found.push('no x-request-id')
  const documented = operation.answers.get(status)
  if (documented === undefined) return [...found, `status ${status} is not documented`]

  for (const [name, { shape, isRequired }] of documented.headers) {
    const value = headers[name]
    if (value === undefined && isRequired) found.push(`no ${name}`)
    const read = shape.kind === 'number' ? Number(value) : value
    if (value !== undefined) found.push(...differences(shape, read, name))
  }
  const given = headers['content-type']
  const type = typeof given === 'string' ? given.replace(/;.*$/s, '') : ''
  if (method === 'HEAD') return text === '' ? found : [...found, 'HEAD has a body']
  if (documented.bodies.size === 0)
    return text === '' && type === '' ? found : [...found, 'a body that is not documented']
  const shape = documented.bodies.get(type)
  if (shape === undefined) return [...found, `media type ${type} is not documented for ${status}`]
  const body = type.endsWith('json') ? parse(text) : text
  found.push(...differences(shape, body))
  if (status >= 400) found.push(...faultsOfProblem(answer, type, body, secrets))
  return found
}

function faultsOfProblem({ status, headers, text }: Answer, type: string, body: unknown, secrets: ReadonlySet<string>) {
  const found: string[] = []
  const problem = body as {
    status?: unknown
    requestId?: unknown
    retryAfterS?: unknown
    issues?: readonly { field: string }[]
  }
  if (type !== PROBLEM) return found
  if (problem.status !== status) found.push(`the problem says ${String(problem.status)}`)
  if (problem.requestId !== headers['x-request-id']) found.push('the ids of problem and header differ')
  if (String(problem.retryAfterS) !== String(headers['retry-after'])) found.push('retry-after and retryAfterS differ')
  if (headers['cache-control'] !== 'no-store')
    found.push(`a problem with cache-control ${String(headers['cache-control'])}`)
  if (headers['x-content-type-options'] !== 'nosniff') found.push('a problem without nosniff')
  // Names of fields are repeated, that's what `issues` are for; nothing else is. The longest first, since one may begin another.
  const names = (problem.issues ?? []).map(({ field }) => JSON.stringify(field).slice(1, -1))
  const said = names.toSorted((a, b) => b.length - a.length).reduce((rest, name) => rest.replaceAll(name, ''), text)
  if (said.includes(CANARY)) found.push('a problem repeats what was sent')
  const inside = INSIDE.exec(said)?.[0] ?? (said.match(/[\w-]+/g) ?? []).find(word => secrets.has(word))
  if (inside !== undefined) found.push(`a problem says ${JSON.stringify(inside)}`)
  return found
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return Symbol('no JSON')
  }
}
