// Whether the contract's tests would notice: routes that break it in one way each, and the scene that has to say so.
import t from 'tap'
import { Type } from 'typebox'
import type { FastifyInstance } from 'fastify'
import { ApiError } from '../../src/errors.ts'
import { problemResponses } from '../../src/plugins/openapi.ts'
import { NO_DATABASE, testApp } from '../fixture/test-app.ts'
import { wrongTargets } from './connection.ts'
import { operationsOf, type OpenapiDocument } from './operations.ts'
import { faultsOfDocument, type WholeDocument } from './document-faults.ts'
import { anything, hostile } from './hostile-scenes.ts'
import type { Scene } from './judging.ts'
import * as documentScenes from './scenes.ts'
import { Service } from './service.ts'

const operatorToken = 'a-token-for-tests-only'
/** No route here is for users. */
const nobody = () => Promise.reject(new Error('Nobody signs in.'))
const scenes = { ...documentScenes, anything, hostile, wrongTargets }
const closed = { additionalProperties: false }
const Thing = Type.Object({ id: Type.Integer() }, { ...closed, description: 'A thing.' })
const config = { access: 'public' } as const
const schema = { summary: 'Planted', tags: ['test'], response: { 200: Thing } }
const params = Type.Object({ id: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }) }, closed)
const text = Type.Object({ text: Type.String({ minLength: 1, maxLength: 5000 }) }, closed)
const good = { id: 1 }

/** Each path says what's wrong with it. */
const MISTAKES: Record<
  string,
  readonly [scene: Scene, says: RegExp, plant: (app: FastifyInstance, path: string) => void]
> = {
  '/an-undescribed-field': [
    scenes.taken,
    /\$\.secret is not described/,
    (app, path) =>
      app.get(path, { config, schema }, (_request, reply) =>
        reply.type('application/json').send('{"id":1,"secret":"x"}'),
      ),
  ],
  '/a-field-of-another-type': [
    scenes.taken,
    /\$\.id is no integer/,
    (app, path) =>
      app.get(path, { config, schema }, (_request, reply) => reply.type('application/json').send('{"id":"1"}')),
  ],
  '/a-status-of-its-own': [
    scenes.taken,
    /status 202 is not documented/,
    (app, path) => app.get(path, { config, schema }, (_request, reply) => reply.code(202 as 200).send(good)),
  ],
  '/another-media-type': [
    scenes.taken,
    /media type text\/html is not documented for 200/,
    (app, path) => app.get(path, { config, schema }, (_request, reply) => reply.type('text/html').send('{"id":1}')),
  ],
  '/a-code-of-its-own': [
    scenes.taken,
    /status 404 is not documented/,
    (app, path) =>
      app.get(path, { config, schema }, async () => {
        throw new ApiError('API_ERR_COURSE_NOT_FOUND', 'No.')
      }),
  ],
  '/never-succeeds/:id': [
    scenes.taken,
    /none of 40 requests that the document allows has succeeded/,
    (app, path) => {
      const response = { 200: Thing, ...problemResponses('API_ERR_COURSE_NOT_FOUND') }
      app.get(path, { config, schema: { ...schema, params, response } }, async () => {
        throw new ApiError('API_ERR_COURSE_NOT_FOUND', 'No.')
      })
    },
  ],
  '/a-header-that-never-comes': [
    scenes.taken,
    /no location/,
    (app, path) => {
      const response = { 200: Type.Object({ id: Type.Integer() }, { headers: { location: Type.String() } }) }
      app.get(path, { config, schema: { ...schema, response } }, async () => good)
    },
  ],
  '/stricter-than-it-says': [
    scenes.taken,
    /a request that the document allows is refused/,
    (app, path) =>
      app.post(path, { config, schema: { ...schema, body: text } }, async () => {
        throw new ApiError('API_ERR_VALIDATION', 'Not valid: body.text.')
      }),
  ],
  '/less-strict-than-it-says': [
    scenes.refused,
    /body\.text \(missing\)/,
    (app, path) =>
      app.post(
        path,
        { config, schema: { ...schema, body: text }, validatorCompiler: () => (value: unknown) => ({ value }) },
        async () => good,
      ),
  ],
  '/does-not-name-the-field': [
    scenes.refused,
    /query\.limit \(twice\) isn't named/,
    (app, path) => {
      const error = new ApiError('API_ERR_VALIDATION', 'Not valid.', { issues: [{ field: 'query', message: 'no' }] })
      const querystring = Type.Object({ limit: Type.Integer({ default: 1 }) }, closed)
      app.get(
        path,
        { config, schema: { ...schema, querystring }, validatorCompiler: () => () => ({ error }) },
        async () => good,
      )
    },
  ],
  '/answers-something-else-to-a-wrong-field': [
    scenes.refused,
    /headers\.x-colour \(missing\)/,
    (app, path) =>
      app.get(
        path,
        {
          config,
          schema: {
            ...schema,
            headers: Type.Object({ 'x-colour': Type.String({ pattern: '^[a-z]{3}$', examples: ['red'] }) }),
            response: { 200: Thing, ...problemResponses('API_ERR_COURSE_NOT_FOUND') },
          },
          validatorCompiler: () => (value: unknown) => ({ value }),
        },
        async request => {
          if (request.headers['x-colour'] === 'red') return good
          throw new ApiError('API_ERR_COURSE_NOT_FOUND', 'No.')
        },
      ),
  ],
  '/reads-any-cursor': [
    scenes.hostile,
    /not 400 API_ERR_CURSOR/,
    (app, path) => {
      const querystring = Type.Object({ cursor: Type.Optional(Type.String({ maxLength: 64 })) }, closed)
      app.get(path, { config, schema: { ...schema, querystring } }, async () => good)
    },
  ],
  '/takes-any-segment/:id': [
    scenes.wrongTargets,
    /is no refusal: \/takes-any-segment\/%0d%0ax-injected:1/,
    (app, path) =>
      app.get(
        path,
        { config, schema: { ...schema, params }, validatorCompiler: () => (value: unknown) => ({ value }) },
        async () => good,
      ),
  ],
  '/takes-any-segment-of-operators/:id': [
    scenes.wrongTargets,
    /is no refusal: \/takes-any-segment-of-operators\/%00/,
    (app, path) =>
      app.get(
        path,
        {
          config: { access: 'operator' },
          schema: { ...schema, params },
          validatorCompiler: () => (value: unknown) => ({ value }),
        },
        async () => good,
      ),
  ],
  '/lets-a-field-in/:id': [
    scenes.wrongTargets,
    /a header field was injected: \/lets-a-field-in\/%0d%0ax-injected:1/,
    (app, path) =>
      app.get(
        path,
        { config, schema: { ...schema, params }, validatorCompiler: () => (value: unknown) => ({ value }) },
        (request, reply) => {
          // Past Node's own check.
          const id = (request.params as { id: string }).id.replaceAll('\0', '')
          void reply.hijack()
          reply.raw.socket?.end(
            `HTTP/1.1 404 Not Found\r\nx-id: ${id}\r\ncontent-type: application/problem+json\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}`,
          )
        },
      ),
  ],
  '/reads-any-body': [
    scenes.wrongType,
    /taken, or not refused as it should be/,
    (app, path) => {
      app.addContentTypeParser('*', (_request, body, done) => {
        body.resume().on('end', () => done(null, { text: 'x' }))
      })
      app.post(path, { config, schema: { ...schema, body: text } }, async () => good)
    },
  ],
  '/has-a-limit-of-its-own': [
    scenes.tooLarge,
    /not 413 API_ERR_BODY_TOO_LARGE/,
    (app, path) => app.post(path, { config, schema: { ...schema, body: text }, bodyLimit: 2 ** 24 }, async () => good),
  ],
  '/fails-on-a-null-character': [
    scenes.hostile,
    /status 500/,
    (app, path) =>
      app.post(path, { config, schema: { ...schema, body: text } }, async request => {
        if ((request.body as { text: string }).text.includes('\0')) throw new Error('invalid byte sequence')
        return good
      }),
  ],
  '/repeats-what-was-sent': [
    scenes.hostile,
    /a problem repeats what was sent/,
    (app, path) =>
      app.post(path, { config, schema: { ...schema, body: text } }, async request => {
        throw new ApiError('API_ERR_VALIDATION', `There is no ${(request.body as { text: string }).text}.`)
      }),
  ],
  '/tells-of-the-inside': [
    scenes.hostile,
    /a problem says "user_streaks"/,
    (app, path) =>
      app.post(path, { config, schema: { ...schema, body: text } }, async () => {
        throw new ApiError('API_ERR_VALIDATION', 'Not in user_streaks.')
      }),
  ],
  '/repeats-it-in-a-header': [
    scenes.hostile,
    /a header field repeats what was sent/,
    (app, path) =>
      app.post(path, { config, schema: { ...schema, body: text } }, async (request, reply) => {
        void reply.header('x-text', (request.body as { text: string }).text.replaceAll(/[^ -~]/g, ''))
        return good
      }),
  ],
  '/fails-now-and-then': [
    scenes.anything,
    /status 500/,
    (app, path) =>
      app.post(path, { config, schema: { ...schema, body: text } }, async request => {
        if ((request.body as { text: string }).text.length > 3) throw new Error('too long')
        return good
      }),
  ],
  '/says-it-is-for-operators': [
    scenes.withoutToken,
    /not 401 API_ERR_ACCESS_TOKEN/,
    (app, path) => {
      app.addHook('onRoute', route => void (route.onRequest = []))
      app.get(path, { config: { access: 'operator' }, schema }, async () => good)
    },
  ],
  '/is-hardly-limited': [
    scenes.limited,
    /64 requests from one address, and no 429/,
    (app, path) => {
      app.addHook('onRoute', route => void (route.preParsing = []))
      app.get(path, { config: { access: 'public', limit: 'expensive' }, schema }, async () => good)
    },
  ],
  '/has-more-methods': [
    scenes.methods,
    /DELETE is not 405 with GET, HEAD, OPTIONS/,
    (app, path) => {
      app.get(path, { config, schema }, async () => good)
      app.delete(path, { schema: { hide: true } }, async () => good)
    },
  ],
}

await t.test('each mistake is found by the scene that is there for it', async t => {
  const { app } = await testApp(t, NO_DATABASE, { app: { operatorToken } })
  app.register((app, _options, done) => {
    // Each in a scope of its own: some change more than their route.
    for (const [path, [, , plant]] of Object.entries(MISTAKES))
      void app.register((app, _options, done) => {
        plant(app, path)
        done()
      })
    done()
  })
  const document = (await app.inject({ url: '/openapi.json' })).json<OpenapiDocument>()
  const operations = operationsOf(document)
  await app.listen({ port: 0, host: '127.0.0.1' })
  const service = new Service(app, { operatorToken, signIn: nobody, secrets: new Set(['user_streaks']) })
  for (const [path, [scene, says]] of Object.entries(MISTAKES)) {
    const operation = operations.find(operation => operation.path === path.replace(':id', '{id}'))
    if (operation === undefined) t.fail(path)
    else t.match((await scene(service, operation, operations)).join('\n'), says, path)
  }
})

await t.test('a route without mistakes passes every scene', async t => {
  const { app } = await testApp(t, NO_DATABASE, { app: { operatorToken } })
  app.register((app, _options, done) => {
    const querystring = Type.Object({ by: Type.Optional(Type.Enum(['name', 'id'])) }, closed)
    app.post(
      '/good/:id',
      {
        config: { access: 'operator', limit: 'expensive' },
        schema: { ...schema, params, querystring, body: text },
      },
      async () => good,
    )
    done()
  })
  const operations = operationsOf((await app.inject({ url: '/openapi.json' })).json<OpenapiDocument>())
  const operation = operations.find(({ path }) => path === '/good/{id}')
  await app.listen({ port: 0, host: '127.0.0.1' })
  const service = new Service(app, { operatorToken, signIn: nobody, secrets: new Set(['user_streaks']) })
  if (operation === undefined) throw new Error('The operation is missing')
  for (const [name, scene] of Object.entries(scenes)) t.same(await scene(service, operation, operations), [], name)
})

await t.test('a route that could not be tested from its document stops the test', t => {
  const answers = { responses: {}, operationId: 'x' }
  const document = (operation: object): OpenapiDocument => ({
    components: { schemas: {} },
    paths: { '/x': { get: { ...answers, ...operation } } },
  })
  const json = (schema: object) => ({ requestBody: { content: { 'application/json': { config, schema } } } })
  for (const [operation, says] of [
    [json({ type: 'string', format: 'uuid' }), /GET \/x: Not understood: format uuid/],
    [json({ type: 'number', multipleOf: 5 }), /Not understood: multipleOf/],
    [json({ type: 'object', patternProperties: {} }), /Not understood: patternProperties/],
    [json({ oneOf: [] }), /Not understood/],
    [json({ $ref: '#/components/schemas/Nothing' }), /The document has no/],
    [{ requestBody: { content: { 'multipart/form-data': { schema: {} } } } }, /Bodies other than JSON/],
    [{ parameters: [{ in: 'query', name: 'ids', schema: { type: 'array', items: {} } }] }, /several values.*ids/],
  ] as const)
    t.throws(() => operationsOf(document(operation)), { message: says })
  t.end()
})

await t.test('what is missing in the document, or wrong in it, is found', t => {
  const parameter = { in: 'query', name: 'by', required: false, schema: { type: 'string', examples: [5] } } as const
  const operation = { operationId: 'one', summary: 'A sentence.', tags: ['none'], security: [{ nobody: [] }] }
  const document = {
    openapi: '3.1.0',
    info: { title: 'x', version: '1' },
    tags: [{ name: 'test' }],
    components: { schemas: {}, securitySchemes: {} },
    paths: {
      '/x/{id}': {
        post: {
          ...operation,
          parameters: [parameter, parameter],
          responses: { 200: { description: 'Default Response' }, 404: { description: 'No.' } },
        },
        patch: { ...operation, responses: {} },
      },
    },
  }
  const found = faultsOfDocument(document as unknown as WholeDocument).join('\n')
  for (const fault of [
    'PATCH /x/{id}: another has the id one',
    "PATCH /x/{id}: CORS doesn't allow the method",
    'POST /x/{id}: no summary, or a sentence as one',
    'POST /x/{id}: tags none',
    'POST /x/{id}: no security scheme nobody',
    "POST /x/{id}: 200 isn't described",
    'POST /x/{id}: 404 is no problem',
    'POST /x/{id}: no 503',
    'POST /x/{id}: no 401',
    'POST /x/{id}: no 415',
    'POST /x/{id}: path parameters: id',
    'POST /x/{id}: twice in query: by,by',
    'POST /x/{id}: example of query.by is no string',
    'PATCH /x/{id}: nothing good can come of it',
  ])
    t.ok(found.includes(fault), fault)
  t.end()
})
