// What the contract asks of each operation by its document: that it takes what's allowed, and refuses all else by name. What nobody should send is in hostile-scenes.ts.
import fc from 'fast-check'
import { CANARY } from './faults.ts'
import { codeOf, holds, problemOf, takesAnything, unless, type Scene } from './judging.ts'
import type { Operation } from './operations.ts'
import { plainRequest, validRequests, wholeBody, withKnowledge } from './requests.ts'
import { report, type Judged, type RequestParts, type Service } from './service.ts'
import { violationsOf, wrongTexts } from './violations.ts'

/** Requests that are tried until one does what the operation is there for. */
const TRIES = 40
const VALID_RUNS = 15
const MOST_BEFORE_LIMIT = 64
/** Sent to routes whose limits aren't known here: none takes as much. */
const TOO_LARGE_BYTES = 2 * 1024 * 1024
const TOO_LONG_PARAMETER = '1'.repeat(129)
const OTHER_TYPES = [
  'text/plain',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'text/json',
  'application/json+x',
  'application/vnd.api+json',
  'application/jsonx',
  'application/json, text/plain',
  'x',
  '*/*',
]
const OTHER_ENCODINGS = ['gzip', 'br', 'deflate', 'x', 'gzip, gzip']
/** Header fields whose refusal has a code of its own, which names them. */
const CODES_OF_FIELDS: Readonly<Record<string, string>> = {
  'headers.if-match': 'API_ERR_PRECONDITION_REQUIRED',
  'headers.idempotency-key': 'API_ERR_IDEMPOTENCY_KEY',
}
/** As long as the names of fields in an answer. */
const MAX_FIELD_LENGTH = 64

/** They succeed only for who has what nobody can guess: a refresh token, a present password. */
const NEEDS_A_SECRET: ReadonlySet<string> = new Set(['POST /api/auth/refresh', 'PUT /api/auth/password'])
/** What depends on who asks: operators say whose a blog is, users needn't. */
const OF_THE_CALLER = '"field":"body.authorId"'

/** What the document allows is taken: the answer is a documented one, and not that the request is invalid. Some requests even succeed. */
export const taken: Scene = async (service, operation, operations) => {
  const found: string[] = []
  const judge = (judged: Judged): string | undefined => {
    const code = codeOf(judged)
    const isRefused = code === 'API_ERR_VALIDATION' || code === 'API_ERR_MALFORMED_JSON' || code === 'API_ERR_BAD_URL'
    if (judged.faults.length > 0) return report(judged)
    return isRefused && !judged.text.includes(OF_THE_CALLER)
      ? `a request that the document allows is refused: ${report(judged)}`
      : undefined
  }
  let hasSucceeded = false
  for (const parts of fc.sample(validRequests(operation), { seed: 1, numRuns: TRIES })) {
    const judged = await service.ask(operation, await withKnowledge(service, operations, operation, parts))
    const fault = judge(judged)
    if (fault !== undefined) return [fault]
    hasSucceeded = judged.status < 300
    if (!hasSucceeded) continue
    if (operation.method === 'GET')
      found.push(
        ...(await headDiffers(service, operation, parts, judged)),
        ...(await isntRevalidated(service, operation, parts, judged)),
      )
    break
  }
  if (!hasSucceeded && !NEEDS_A_SECRET.has(operation.name))
    found.push(`none of ${TRIES} requests that the document allows has succeeded: is an example missing?`)
  found.push(
    ...(await holds(validRequests(operation), takesAnything(operation) ? VALID_RUNS : 1, async parts =>
      judge(await service.ask(operation, await withKnowledge(service, operations, operation, parts))),
    )),
  )
  return found
}

async function headDiffers(
  service: Service,
  operation: Operation,
  parts: RequestParts,
  get: Judged,
): Promise<string[]> {
  const head = await service.ask(operation, parts, 'HEAD')
  // How a body would be framed is no part of an answer without one (RFC 9112, section 6.1).
  const names = ({ headers }: Judged) =>
    Object.keys(headers)
      .filter(name => name !== 'transfer-encoding')
      .toSorted()
      .join(' ')
  if (head.faults.length > 0) return [report(head)]
  if (head.status !== get.status) return [`HEAD is answered ${head.status}, GET ${get.status}: ${head.request}`]
  return names(head) === names(get) ? [] : [`HEAD has fields ${names(head)}\nGET ${names(get)}`]
}

/** An answer that documents 304 is one that needn't be sent twice, and says no less of itself then. */
async function isntRevalidated(
  service: Service,
  operation: Operation,
  parts: RequestParts,
  get: Judged,
): Promise<string[]> {
  if (!operation.answers.has(304)) return []
  const tag = get.headers['etag']
  if (typeof tag !== 'string') return [`304 is documented, and there's no etag: ${report(get)}`]
  const found: string[] = []
  for (const value of [tag, '*', `"other", ${tag}`]) {
    const again = await service.ask(operation, { ...parts, headers: { ...parts.headers, 'if-none-match': value } })
    if (again.faults.length > 0 || again.status !== 304) found.push(`not 304: ${report(again)}`)
    const lost = ['etag', 'cache-control', 'vary'].filter(name => name in get.headers && !(name in again.headers))
    if (lost.length > 0) found.push(`304 has no ${lost.join()}: ${again.request}`)
  }
  const headers = { ...parts.headers, 'if-match': '"other"' }
  found.push(...unless(await service.ask(operation, { ...parts, headers }), 412, 'API_ERR_PRECONDITION_FAILED'))
  return found
}

/** Each rule broken by itself is a refusal that names the field. */
export const refused: Scene = async (service, operation) => {
  const found: string[] = []
  const base = plainRequest(operation)
  const expect = async (parts: RequestParts, field: string, what: string) => {
    const judged = await service.ask(operation, parts)
    const { issues = [] } = problemOf(judged)
    const isNamed = issues.some(issue => issue.field === field.slice(0, MAX_FIELD_LENGTH))
    const code = codeOf(judged)
    if (judged.faults.length > 0) found.push(report(judged))
    else if (code !== undefined && code === CODES_OF_FIELDS[field]) return
    else if (code !== 'API_ERR_VALIDATION') found.push(`${field} (${what}): ${report(judged)}`)
    else if (!isNamed) found.push(`${field} (${what}) isn't named: ${report(judged)}`)
  }
  for (const { name, shape } of operation.parameters.path)
    for (const text of wrongTexts(shape).filter(text => text !== '' && text.length < TOO_LONG_PARAMETER.length))
      await expect({ ...base, path: { ...base.path, [name]: text } }, `params.${name}`, text)

  for (const { name, shape, isRequired } of operation.parameters.query) {
    const others = base.query.filter(([other]) => other !== name)
    const field = `query.${name}`
    for (const text of wrongTexts(shape)) await expect({ ...base, query: [...others, [name, text]] }, field, text)
    if (isRequired) await expect({ ...base, query: others }, field, 'missing')
    const twice = base.query.filter(([other]) => other === name)
    await expect({ ...base, query: [...base.query, ...twice] }, field, 'twice')
  }
  for (const name of ['unknownParameter', '__proto__', 'constructor', 'a.b'])
    await expect({ ...base, query: [...base.query, [name, '1']] }, `query.${name}`, 'unknown')

  for (const { name, shape, isRequired } of operation.parameters.header) {
    const { [name]: _, ...others } = base.headers
    for (const text of wrongTexts(shape).filter(text => /^[ -~]*$/.test(text)))
      await expect({ ...base, headers: { ...others, [name]: text } }, `headers.${name}`, text)
    if (isRequired) await expect({ ...base, headers: others }, `headers.${name}`, 'missing')
  }
  if (operation.body !== undefined)
    for (const { path, what, value } of violationsOf(operation.body, wholeBody(operation.body)))
      await expect({ ...base, body: value }, ['body', ...path].join('.'), what)
  return found
}

/** Too much of anything is refused before it's looked at. */
export const tooLarge: Scene = async (service, operation) => {
  const base = plainRequest(operation)
  const found: string[] = []
  for (const { name } of operation.parameters.path) {
    const judged = await service.ask(operation, { ...base, path: { ...base.path, [name]: TOO_LONG_PARAMETER } })
    found.push(...unless(judged, 414, 'API_ERR_PARAMETER_TOO_LONG'))
  }
  if (operation.body === undefined) return found
  const bytes = JSON.stringify(base.body) + ' '.repeat(TOO_LARGE_BYTES)
  found.push(...unless(await service.ask(operation, { ...base, bytes }), 413, 'API_ERR_BODY_TOO_LARGE'))
  return found
}

/** Asked for once, where asking changes nothing that was asked for. */
export const looked: Scene = async (service, operation) => {
  if (operation.body !== undefined) return []
  const judged = await service.ask(operation, plainRequest(operation))
  return judged.faults.length > 0 ? [report(judged)] : []
}

/** Bodies are JSON without a content encoding; for operations without one whatever comes is passed over or refused. */
export const wrongType: Scene = async (service, operation) => {
  const base = plainRequest(operation)
  const bytes = JSON.stringify(base.body ?? {})
  const found: string[] = []
  const refusals = new Set(['API_ERR_MEDIA_TYPE', 'API_ERR_MALFORMED_JSON', 'API_ERR_VALIDATION'])
  const expect = async (parts: RequestParts) => {
    const judged = await service.ask(operation, parts)
    if (operation.body === undefined) {
      // A content encoding on a request without content: refused for all, so it isn't in the document of each.
      const isKnown = codeOf(judged) === 'API_ERR_MEDIA_TYPE' && judged.faults.join() === 'status 415 is not documented'
      if (!isKnown && judged.faults.length > 0) found.push(report(judged))
    } else if (judged.faults.length > 0 || !refusals.has(codeOf(judged) ?? '')) {
      found.push(`taken, or not refused as it should be: ${report(judged)}`)
    }
  }
  const [types, encodings] = operation.body === undefined ? [['text/plain'], ['gzip']] : [OTHER_TYPES, OTHER_ENCODINGS]
  for (const type of types) await expect({ ...base, bytes, headers: { ...base.headers, 'content-type': type } })
  for (const encoding of encodings)
    await expect({ ...base, bytes, headers: { ...base.headers, 'content-encoding': encoding } })
  if (operation.body === undefined && operation.method !== 'GET') {
    const judged = await service.ask(operation, { ...base, bytes: '{}' })
    found.push(...unless(judged, 400, 'API_ERR_VALIDATION'))
    return found
  }
  const { body: _, ...without } = base
  await expect(without)
  await expect({ ...without, bytes: '', headers: { ...base.headers, 'content-type': 'application/json' } })
  return found
}

/** Who has no token learns that, and nothing of the rest of the request. */
export const withoutToken: Scene = async (service, operation) => {
  if (operation.admits === 'everybody') return []
  const base = { ...plainRequest(operation), isAnonymous: true }
  const found: string[] = []
  const expect = async (parts: RequestParts) =>
    found.push(...unless(await service.ask(operation, parts), 401, 'API_ERR_ACCESS_TOKEN'))
  const tokens = [
    'Bearer',
    'Bearer ',
    `Bearer ${CANARY}`,
    `Basic ${CANARY}`,
    CANARY,
    '',
    'Bearer \u00ff',
    'bearer null',
  ]
  await expect(base)
  for (const authorization of tokens) await expect({ ...base, headers: { ...base.headers, authorization } })
  await expect({ ...base, query: [['unknown', '1']] })
  for (const { name } of operation.parameters.path) await expect({ ...base, path: { [name]: 'x' } })
  if (operation.body !== undefined) await expect({ ...base, bytes: '{' })
  return found
}

/** Methods that the document doesn't have for the path are refused with those that it has. */
export const methods: Scene = async (service, operation, operations) => {
  const ofPath = operations.filter(({ path }) => path === operation.path)
  if (ofPath[0] !== operation) return []
  const documented = ofPath.map(({ method }) => method)
  if (documented.includes('GET')) documented.push('HEAD')
  const allow = [...documented.toSorted(), 'OPTIONS'].join(', ')
  const found: string[] = []
  const others = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'TRACE', 'PROPFIND', 'QUERY', 'OPTIONS']
  for (const method of others.filter(method => !documented.includes(method))) {
    const judged = await service.ask(operation, { ...plainRequest(operation), isAnonymous: true }, method)
    const status = method === 'OPTIONS' ? 204 : 405
    // Answers that are no operation's aren't documented.
    const isSo =
      judged.status === status &&
      (judged.faults.length === 0 || judged.faults.join() === `status ${status} is not documented`)
    if (!isSo || judged.headers['allow'] !== allow)
      found.push(`${method} is not ${status} with ${allow}: ${report(judged)}`)
    if (status === 405 && method !== 'HEAD' && codeOf(judged) !== 'API_ERR_METHOD_NOT_ALLOWED')
      found.push(report(judged))
  }
  return found
}

/** What documents 429 answers so in the end, to one who doesn't stop. */
export const limited: Scene = async (service, operation) => {
  // Of signing in only some answers are counted; test/limits looks at those.
  if (!operation.answers.has(429) || operation.path.startsWith('/api/auth/')) return []
  // Refused for something else meanwhile: what's limited is expensive, and it's counted before it's looked at.
  const parts: RequestParts = { ...plainRequest(operation), query: [['unknown', '1']], address: '10.200.0.1' }
  for (let request = 0; request < MOST_BEFORE_LIMIT; request += 1) {
    const judged = await service.ask(operation, parts)
    if (judged.faults.length > 0) return [report(judged)]
    if (judged.status === 429) return codeOf(judged) === 'API_ERR_RATE_LIMITED' ? [] : [report(judged)]
  }
  return [`${MOST_BEFORE_LIMIT} requests from one address, and no 429`]
}
