// Requests for an operation: as arbitraries of what the document allows, and one that's whole and plain to be broken part by part.
import fc from 'fast-check'
import type { Operation, Parameter, Place } from './operations.ts'
import type { RequestParts, Service } from './service.ts'
import type { Json, Shape } from './shape.ts'
import { valuesOf } from './values.ts'
import { wholeOf } from './violations.ts'

/** What the document allows; every part is valid by itself. */
export function validRequests(operation: Operation): fc.Arbitrary<RequestParts> {
  const { path, query, header } = operation.parameters
  return fc
    .record({
      path: textsOf(path, toText),
      query: textsOf(query, toText),
      // A field is ASCII for most that it passes through.
      headers: textsOf(header, value => toText(value).replaceAll(/[^ -~]/g, '?')).map(withTags),
      body: operation.body === undefined ? fc.constant(undefined) : valuesOf(operation.body),
    })
    .map(({ path, query, headers, body }) => ({
      path,
      query: Object.entries(query),
      headers,
      ...(body === undefined ? {} : { body }),
    }))
}

function textsOf(
  parameters: readonly Parameter[],
  spell: (value: Json) => string,
): fc.Arbitrary<Record<string, string>> {
  return fc.record(Object.fromEntries(parameters.map(({ name, shape }) => [name, valuesOf(shape).map(spell)])), {
    requiredKeys: parameters.filter(({ isRequired }) => isRequired).map(({ name }) => name),
  })
}

/** The syntax of these is their RFC's (9110, section 13.1.1), whether the document repeats it or not. */
function withTags(fields: Record<string, string>): Record<string, string> {
  const { 'if-match': match } = fields
  return match === undefined || /^"[^"\s]*"$/.test(match)
    ? fields
    : { ...fields, 'if-match': `"${match.replaceAll(/["\s]/g, '')}"` }
}

function toText(value: Json): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** The same each time: with every parameter, and a body that's valid. */
export function plainRequest(operation: Operation): RequestParts {
  const textsIn = (place: Place) =>
    operation.parameters[place].map(({ name, shape }) => [name, toText(plain(shape))] as const)
  return {
    path: Object.fromEntries(textsIn('path')),
    query: textsIn('query'),
    headers: Object.fromEntries(textsIn('header')),
    ...(operation.body === undefined ? {} : { body: plain(operation.body) }),
  }
}

/** With every field that there is, also where not all of them may come together. */
export function wholeBody(shape: Shape): Json {
  return wholeOf(shape, plain)
}

function plain(shape: Shape): Json {
  const [example] = shape.examples
  if (example !== undefined) return example
  return fc.sample(valuesOf(shape), { seed: 1, numRuns: 1 })[0] ?? null
}

/**
 * Gives a valid request what only the service knows: a cursor that it has answered with, the tag of what's changed. Without that no list would be read to its second page
 * and nothing could be changed.
 */
export async function withKnowledge(
  service: Service,
  operations: readonly Operation[],
  operation: Operation,
  parts: RequestParts,
): Promise<RequestParts> {
  const cursor = service.cursorOf(operation)
  const query = parts.query.map(([name, value]) =>
    name === 'cursor' && cursor !== undefined ? ([name, cursor] as const) : ([name, value] as const),
  )
  if (!operation.parameters.header.some(({ name }) => name === 'if-match')) return { ...parts, query }
  const reading = operations.find(({ method, path }) => method === 'GET' && path === operation.path)
  if (reading !== undefined) await service.ask(reading, { path: parts.path, query: [], headers: {} })
  const tag = service.tagOf(operation, parts)
  return { ...parts, query, headers: { ...parts.headers, ...(tag === undefined ? {} : { 'if-match': tag }) } }
}
