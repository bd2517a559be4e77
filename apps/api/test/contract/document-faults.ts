// What's wrong with the document itself: the essentials of OpenAPI 3.1.0 that tools rely on, and what this service has promised to say of every operation.
import { differences } from './differences.ts'
import { operationsOf, type OpenapiDocument, type Operation } from './operations.ts'
import { readShape, type Shape } from './shape.ts'

/** The parts that operations aren't tested by. */
export interface WholeDocument extends OpenapiDocument {
  readonly openapi: string
  readonly info: { readonly title: string; readonly version: string }
  readonly tags: readonly { readonly name: string }[]
  readonly components: OpenapiDocument['components'] & { readonly securitySchemes: Readonly<Record<string, object>> }
}

interface Described {
  readonly operationId?: string
  readonly summary?: string
  readonly tags?: readonly string[]
  readonly security?: readonly object[]
  readonly responses: Readonly<Record<string, { readonly description?: string; readonly content?: object }>>
}

const PROBLEM = 'application/problem+json'
/** What @fastify/swagger says for want of anything better. */
const NOTHING_SAID = 'Default Response'
const METHODS: ReadonlySet<string> = new Set(['get', 'put', 'post', 'delete'])

export function faultsOfDocument(document: WholeDocument): string[] {
  const found: string[] = []
  if (document.openapi !== '3.1.0') found.push(`openapi ${document.openapi}`)
  if (!document.info.title || !document.info.version) found.push('no title or version')
  const leftOver = /"(x-[^"]+|~[^"]+)":/.exec(JSON.stringify(document))?.[1]
  if (leftOver !== undefined) found.push(`${leftOver} is left over`)
  for (const [name, schema] of Object.entries(document.components.schemas))
    found.push(...faultsOfExamples(readShape(schema, document.components.schemas), name))

  const ids = new Set<string>()
  for (const [path, item] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(item)) {
      const name = `${method.toUpperCase()} ${path}`
      if (!METHODS.has(method)) found.push(`${name}: CORS doesn't allow the method`)
      if (ids.has(operation.operationId)) found.push(`${name}: another has the id ${operation.operationId}`)
      ids.add(operation.operationId)
      found.push(...faultsOfDescription(operation, document).map(fault => `${name}: ${fault}`))
    }
  }
  for (const operation of operationsOf(document))
    found.push(...faultsOfOperation(operation).map(fault => `${operation.name}: ${fault}`))
  return found
}

function faultsOfDescription(
  { operationId, summary, tags = [], security = [], responses }: Described,
  document: WholeDocument,
) {
  const found: string[] = []
  if (!/^[a-z][A-Za-z0-9]+$/.test(operationId ?? '')) found.push('no id')
  if (!summary || summary.endsWith('.')) found.push('no summary, or a sentence as one')
  const known = document.tags.map(({ name }) => name)
  if (tags.length === 0 || tags.some(tag => !known.includes(tag))) found.push(`tags ${tags.join()}`)
  for (const scheme of security.flatMap(Object.keys))
    if (!Object.hasOwn(document.components.securitySchemes, scheme)) found.push(`no security scheme ${scheme}`)
  for (const [status, { description, content = {} }] of Object.entries(responses)) {
    if (!/^[2-5]\d\d$/.test(status)) found.push(`status ${status}`)
    if (!description || description === NOTHING_SAID) found.push(`${status} isn't described`)
    if (Number(status) >= 400 && !Object.hasOwn(content, PROBLEM)) found.push(`${status} is no problem`)
  }
  return found
}

function faultsOfOperation({ path, method, parameters, body, answers, admits }: Operation): string[] {
  const found: string[] = []
  const statuses = [...answers.keys()]
  if (!statuses.some(status => status < 300)) found.push('nothing good can come of it')
  for (const status of [500, 503]) if (!answers.has(status)) found.push(`no ${status}`)
  if (admits !== 'everybody' && !answers.has(401)) found.push('no 401')
  if (admits === 'operators' && !answers.has(403)) found.push('no 403')
  if (method !== 'GET') for (const status of [400, 413, 415]) if (!answers.has(status)) found.push(`no ${status}`)
  const inPath = new Set([...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? ''))
  const described = new Set(parameters.path.map(({ name }) => name))
  const differing = inPath.symmetricDifference(described)
  if (differing.size > 0) found.push(`path parameters: ${[...differing].join()}`)
  for (const [place, some] of Object.entries(parameters)) {
    const names = some.map(({ name }) => name)
    if (new Set(names).size < names.length) found.push(`twice in ${place}: ${names.join()}`)
    for (const { name, shape, isRequired } of some) {
      found.push(...faultsOfExamples(shape, `${place}.${name}`))
      if (place === 'path' && !isRequired) found.push(`${name} in the path isn't required`)
    }
  }
  if (body !== undefined) found.push(...faultsOfExamples(body, 'body'))
  for (const [status, { bodies }] of answers)
    for (const shape of bodies.values()) found.push(...faultsOfExamples(shape, String(status)))
  return found
}

/** An example that isn't one misleads whoever copies it. */
function faultsOfExamples(shape: Shape, path: string): string[] {
  const own = shape.examples.flatMap(example => differences(shape, example, `example of ${path}`))
  return [...own, ...within(shape).flatMap(([name, inner]) => faultsOfExamples(inner, `${path}${name}`))]
}

function within(shape: Shape): (readonly [name: string, inner: Shape])[] {
  if (shape.kind === 'object') return [...shape.fields].map(([name, field]) => [`.${name}`, field.shape] as const)
  if (shape.kind === 'array') return [['[]', shape.items]]
  if (shape.kind === 'union') return shape.options.map(option => ['', option] as const)
  if (shape.kind === 'every') return shape.parts.map(part => ['', part] as const)
  return []
}
