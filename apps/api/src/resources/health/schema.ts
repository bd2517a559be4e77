// Answers of the health pages. They hold figures and codes only: no host names, versions of libraries, paths or messages of errors.
import { Type, type Static } from 'typebox'
import { CacheHealth, Features, Integrations, Services } from './components-schema.ts'

const Ratio = Type.Number({ minimum: 0, maximum: 1 })
const Bytes = Type.Integer({ minimum: 0 })
const closed = { additionalProperties: false }

export const Liveness = Type.Object({ status: Type.Literal('ok') }, { ...closed, description: 'The process answers.' })

const RouteName = Type.String({
  description: '`main`; with a pooler in front of the database `pooled`, or `direct` while the pooler is away.',
})
const Saturation = Type.Number({
  minimum: 0,
  maximum: 1,
  description: 'Busy connections by the most that the pool may open.',
})

export const Readiness = Type.Object(
  {
    status: Type.Enum(['ready', 'draining', 'database-down']),
    database: Type.Object(
      { route: RouteName, saturation: Saturation, waiting: Type.Integer({ minimum: 0 }) },
      { ...closed, description: 'The route in use, and its pool now; how busy it is has no say in the status.' },
    ),
  },
  { ...closed, description: 'Whether this worker wants traffic; 503 unless `ready`.' },
)
export type Readiness = Static<typeof Readiness>

const DatabaseHealth = Type.Object(
  {
    status: Type.Enum(['unknown', 'up', 'failing', 'down'], { description: 'As the last background probe saw it.' }),
    latencyMs: Type.Union([Type.Number(), Type.Null()], { description: 'Round trip of the last answered probe.' }),
    checkedAt: Type.Union([Type.String(), Type.Null()], { description: 'When the last probe ended, ISO 8601.' }),
    failure: Type.Union([Type.String(), Type.Null()], { description: 'Code of the last failure while it is not up.' }),
    connections: Type.Union([Type.Object({ used: Type.Integer(), limit: Type.Integer() }, closed), Type.Null()], {
      description:
        'Connections to all databases of the server, of all programs, and how many it lets in: `max_connections` without the reserved ones.',
    }),
    successRatio: Ratio,
  },
  closed,
)

const NullableCode = Type.Union([Type.String(), Type.Null()])
const NullableNumber = Type.Union([Type.Number(), Type.Null()])

const DatabaseRoute = Type.Object(
  {
    name: RouteName,
    used: Type.Boolean({ description: 'Whether statements take it now.' }),
    state: Type.Enum(['available', 'away']),
    reason: Type.Union([Type.String(), Type.Null()], { description: 'Why it is away.' }),
    forS: Type.Number({ description: 'Seconds in this state.' }),
    circuit: Type.Enum(['closed', 'open', 'half-open', 'off']),
    pool: Type.Object(
      {
        open: Type.Integer({ description: 'Idle and busy.' }),
        idle: Type.Integer(),
        busy: Type.Integer(),
        opening: Type.Integer(),
        waiting: Type.Integer({ description: 'Callers that wait for a connection.' }),
        saturation: Saturation,
        refused: Type.Integer({ description: 'Callers that got none, since the start.' }),
        waitP50Ms: Type.Number(),
        waitP99Ms: Type.Number(),
      },
      closed,
    ),
    probes: Type.Object(
      {
        ok: Type.Integer(),
        failed: Type.Integer(),
        successRatio: Type.Union([Ratio, Type.Null()], { description: 'Of the last 100.' }),
        latencyMs: NullableNumber,
        failure: NullableCode,
      },
      { ...closed, description: 'Of this route, each on a connection of its own.' },
    ),
  },
  closed,
)
export type DatabaseRoute = Static<typeof DatabaseRoute>

const Requests = Type.Object(
  { total: Type.Integer(), active: Type.Integer(), errors: Type.Integer(), averageMs: Type.Number() },
  { ...closed, description: 'Of this worker, since its start.' },
)

const common = {
  status: Type.Enum(['ok', 'degraded', 'draining', 'down'], {
    description:
      '`degraded`: the database has just failed to answer, or is reached by its fallback only; `down`: it has not answered for longer. 503 for `draining` and `down`.',
  }),
  version: Type.String(),
  uptimeS: Type.Number({ description: "Since the worker's process was started." }),
  worker: Type.Object({ number: Type.Integer(), generation: Type.Integer(), pid: Type.Integer() }, closed),
}

export const Health = Type.Object(
  { ...common, database: DatabaseHealth, requests: Requests },
  { ...closed, description: 'State at a glance.' },
)
export type Health = Static<typeof Health>

export const DetailedHealth = Type.Object(
  {
    ...common,
    system: Type.Object(
      {
        memory: Type.Object(
          {
            rssBytes: Bytes,
            heapUsedBytes: Bytes,
            heapTotalBytes: Bytes,
            heapLimitBytes: Bytes,
            externalBytes: Bytes,
            arrayBuffersBytes: Bytes,
          },
          {
            ...closed,
            description: 'Of the last sample, a few seconds old at most, where memory is watched; else of this moment.',
          },
        ),
        cpu: Type.Object(
          {
            cores: Type.Integer({ minimum: 1 }),
            userS: Type.Number(),
            systemS: Type.Number(),
            ratio: Type.Number({
              minimum: 0,
              description: "Cores' worth of CPU since the last look, for this process.",
            }),
          },
          closed,
        ),
        eventLoop: Type.Object(
          { utilisationRatio: Ratio, delayP50Ms: Type.Number(), delayP99Ms: Type.Number() },
          { ...closed, description: 'Since the last look.' },
        ),
        connections: Type.Object({ open: Type.Integer({ minimum: 0 }) }, closed),
        requests: Requests,
        errors: Type.Object(
          {
            requests: Type.Integer({ minimum: 0, description: 'Answers with a status of 500 or above.' }),
            requestRatio: Type.Union([Ratio, Type.Null()], { description: 'Of all; null before the first.' }),
            queries: Type.Integer({ minimum: 0, description: 'Calls to the database that failed.' }),
            queryRatio: Type.Union([Ratio, Type.Null()], { description: 'Of all; null before the first.' }),
            cacheLoads: Type.Integer({ minimum: 0, description: 'Loads of the cache that failed or took too long.' }),
          },
          { ...closed, description: 'Of this worker, since its start.' },
        ),
      },
      closed,
    ),
    components: Type.Object(
      {
        database: DatabaseHealth,
        routes: Type.Array(DatabaseRoute, { description: 'Ways to the database, the preferred one first.' }),
        queries: Type.Object({ active: Type.Integer(), total: Type.Integer(), failed: Type.Integer() }, closed),
        cache: CacheHealth,
        integrations: Integrations,
        services: Services,
      },
      closed,
    ),
    features: Features,
  },
  { ...closed, description: 'State with the figures behind it.' },
)
export type DetailedHealth = Static<typeof DetailedHealth>

export const DatabaseTest = Type.Object(
  {
    status: Type.Literal('ok'),
    latencyMs: Type.Number({ description: 'Round trip of a query on the pool, made for this request.' }),
    schemaVersion: Type.Integer({ description: 'Number of the newest migration.' }),
  },
  { ...closed, description: 'A query through the same pool as every other request.' },
)
export type DatabaseTest = Static<typeof DatabaseTest>
