// What operations are asked by those who look for a way in, and by chance: whatever comes, the answer is a documented one that isn't a failure, and tells nothing.
import fc from 'fast-check'
import {
  FORGED_CURSORS,
  HOSTILE_FIELDS,
  HOSTILE_HEADERS,
  HOSTILE_TEXTS,
  hostileBodies,
  IMPOSSIBLE_CURSORS,
  ORDINARY_TEXTS,
} from './hostile.ts'
import { holds, takesAnything, unless, type Scene } from './judging.ts'
import type { Parameter } from './operations.ts'
import { plainRequest, validRequests, wholeBody } from './requests.ts'
import { report, type RequestParts } from './service.ts'
import type { Json, Shape } from './shape.ts'

const ANY_RUNS = 20
/** For operations that take nothing: there's little to vary. */
const FEW_RUNS = 3
/** Made once, since each is expensive to make. */
const textOf = (codes: fc.Arbitrary<number>) =>
  fc.array(codes, { maxLength: 20 }).map(some => String.fromCodePoint(...some))
const ANY_TEXT = fc.oneof(
  textOf(fc.integer({ min: 0, max: 0x7f })),
  textOf(fc.integer({ min: 0, max: 0x10ffff })),
  fc.constantFrom(...HOSTILE_TEXTS),
)
const ANY_FIELD = fc.oneof(textOf(fc.integer({ min: 0x20, max: 0xff })), fc.constantFrom(...HOSTILE_FIELDS))
const ANY_JSON = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.object({ maxDepth: 2 }).map((value): unknown => JSON.parse(JSON.stringify(value))),
) as fc.Arbitrary<Json>
const ANY_CHANGE: fc.Arbitrary<Change> = fc.record({
  part: fc.constantFrom('nothing', 'path', 'query', 'header', 'field', 'text', 'body'),
  text: ANY_TEXT,
  field: ANY_FIELD,
  json: ANY_JSON,
  index: fc.nat(100),
})

/** The lists of hostile.ts, in every place where they fit. */
export const hostile: Scene = async (service, operation, operations) => {
  const base = plainRequest(operation)
  const found: string[] = []
  const ask = async (parts: RequestParts) => {
    const judged = await service.ask(operation, parts)
    if (judged.faults.length > 0) found.push(report(judged))
  }
  // What isn't the operation's own goes the same way for all of them: each gets a part.
  const place = operations.indexOf(operation)
  for (const [index, text] of HOSTILE_TEXTS.entries()) {
    const mayTake = ({ shape }: Parameter) => isTried(isFree(shape), text, index + place)
    for (const { name } of operation.parameters.path.filter(mayTake))
      await ask({ ...base, path: { ...base.path, [name]: text } })
    for (const { name } of operation.parameters.query.filter(mayTake))
      await ask({ ...base, query: [...base.query.filter(([other]) => other !== name), [name, text]] })
    if (index % 8 === place % 8) await ask({ ...base, query: [...base.query, [text, text]] })
  }
  if (operation.parameters.query.some(({ name }) => name === 'cursor')) {
    const others = base.query.filter(([name]) => name !== 'cursor')
    const from = (cursor: string): RequestParts => ({ ...base, query: [...others, ['cursor', cursor]] })
    for (const cursor of FORGED_CURSORS) await ask(from(cursor))
    for (const cursor of IMPOSSIBLE_CURSORS)
      found.push(...unless(await service.ask(operation, from(cursor)), 400, 'API_ERR_CURSOR'))
  }
  for (const { name } of operation.parameters.header)
    for (const text of HOSTILE_FIELDS) await ask({ ...base, headers: { ...base.headers, [name]: text } })
  for (const [index, [name, value]] of HOSTILE_HEADERS.entries())
    if (index % 4 === place % 4) await ask({ ...base, headers: { ...base.headers, [name]: value } })
  if (operation.body === undefined) return found
  for (const bytes of hostileBodies(JSON.stringify(base.body))) await ask({ ...base, bytes })
  const whole = wholeBody(operation.body)
  for (const [index, text] of HOSTILE_TEXTS.entries())
    for (const { body, isFree } of withTextAt(operation.body, whole, text))
      if (isTried(isFree, text, index + place)) await ask({ ...base, body })
  return found
}

/** All that may come through where any text does; elsewhere, where the schema's rule ends it, each operation tries a part. */
function isTried(isFree: boolean, text: string, turn: number): boolean {
  return (isFree && !ORDINARY_TEXTS.has(text)) || turn % 4 === 0
}

/** Whether it's a text of any kind: that's where a hostile one may come through. */
function isFree(shape: Shape): boolean {
  return shape.kind === 'string' && shape.pattern === undefined && shape.format === undefined
}

/** The body with a text in each place where there's one, in turn. */
function withTextAt(shape: Shape, whole: Json, text: string): { body: Json; isFree: boolean }[] {
  if (shape.kind === 'string' || shape.kind === 'choice') return [{ body: text, isFree: isFree(shape) }]
  if (shape.kind === 'union') return shape.options.flatMap(option => withTextAt(option, whole, text))
  if (shape.kind === 'array' && Array.isArray(whole))
    return withTextAt(shape.items, whole[0] ?? null, text).map(({ body, isFree }) => ({ body: [body], isFree }))
  if (shape.kind === 'object' && typeof whole === 'object' && whole !== null && !Array.isArray(whole))
    return [...shape.fields].flatMap(([name, field]) =>
      withTextAt(field.shape, whole[name] ?? null, text).map(({ body, isFree }) => ({
        // Where not all may come together, this one comes alone.
        body: shape.maxProperties < shape.fields.size ? { [name]: body } : { ...whole, [name]: body },
        isFree,
      })),
    )
  return []
}

/** Anything at all: what's valid, with one part of it replaced by whatever comes. */
export const anything: Scene = (service, operation) => {
  const requests = fc.tuple(validRequests(operation), ANY_CHANGE).map(([valid, change]) => changed(valid, change))
  return holds(requests, takesAnything(operation) ? ANY_RUNS : FEW_RUNS, async parts => {
    const judged = await service.ask(operation, parts)
    return judged.faults.length > 0 ? report(judged) : undefined
  })
}

interface Change {
  readonly part: 'nothing' | 'path' | 'query' | 'header' | 'field' | 'text' | 'body'
  readonly text: string
  readonly field: string
  readonly json: Json
  /** Which of several, counted round. */
  readonly index: number
}

function changed(valid: RequestParts, { part, text, field, json, index }: Change): RequestParts {
  const oneOf = (names: readonly string[]) => names[index % names.length]
  const replaced = (texts: Readonly<Record<string, string>>, value: string) => {
    const name = oneOf(Object.keys(texts))
    return name === undefined ? texts : { ...texts, [name]: value }
  }
  switch (part) {
    case 'nothing':
      return valid
    case 'path':
      return { ...valid, path: replaced(valid.path, text) }
    case 'query':
      return { ...valid, query: Object.entries(replaced(Object.fromEntries(valid.query), text)) }
    case 'header':
      return { ...valid, headers: replaced(valid.headers, field) }
    case 'field':
    case 'text': {
      const { body } = valid
      if (typeof body !== 'object' || body === null || Array.isArray(body)) return valid
      const name = oneOf(Object.keys(body))
      return name === undefined ? valid : { ...valid, body: { ...body, [name]: part === 'text' ? text : json } }
    }
    case 'body':
      return valid.body === undefined ? valid : { ...valid, body: json }
    default:
      return part satisfies never
  }
}
