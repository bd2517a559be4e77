// What the admin API shows, as plain data: each schema is the document's and the type at once, so that they can't drift apart.
//
// Invariants: a view is a copy, made when it's asked for; it holds no object of the pipeline. What isn't known is null, never absent.
// Durations are milliseconds from now (`...InMs`) or of a length (`...Ms`); ratios are 0-1.
import { option as Type } from '@plimsoll/config'
import type { Static, TObject, TProperties } from 'typebox'

const OPERATOR_STATES = ['ready', 'draining'] as const
type OperatorState = (typeof OPERATOR_STATES)[number]

/** Something or null; by a list of types and not by `anyOf`, so that a refusal says what's wrong in one sentence. */
const OrNull = {
  String: (description: string) => Type.Unsafe<string | null>({ type: ['string', 'null'], description }),
  Number: (description: string, minimum = 0) =>
    Type.Unsafe<number | null>({ type: ['number', 'null'], minimum, description }),
  Integer: (description: string, bounds: { minimum: number; maximum: number }) =>
    Type.Unsafe<number | null>({ type: ['integer', 'null'], ...bounds, description }),
  Object: <P extends TProperties>(properties: P, description: string) =>
    Type.Unsafe<Static<TObject<P>> | null>({ ...Type.Object(properties), type: ['object', 'null'], description }),
  OperatorState: (description: string) =>
    Type.Unsafe<OperatorState | null>({ enum: [...OPERATOR_STATES, null], description }),
}
const Count = (description: string) => Type.Integer({ minimum: 0, description })

const Id = Type.String({ description: 'Id of the endpoint, as discovery gives it: often its URL.' })
const Available = Type.Boolean({ description: 'Whether it may take requests now.' })
const Why = OrNull.String('Why it gets no requests; null when it does.')
const ReturnsInMs = OrNull.Number(
  'When it may take requests again, from now; null when it does already, or when nobody can say.',
)
const Panic = Type.Boolean({ description: 'Too few are available: all that accept connections are used.' })

export const HealthViewSchema = Type.Object(
  {
    status: Type.Enum(['serving', 'draining', 'no endpoint available'], {
      description: 'Anything but `serving` is answered with 503.',
    }),
    draining: Type.Boolean({ description: 'The balancer is about to end.' }),
    available: Count('Endpoints that may take requests.'),
    panic: Panic,
    endpoints: Type.Array(Type.Object({ id: Id, available: Available, why: Why, returnsInMs: ReturnsInMs })),
  },
  { title: 'Health' },
)
export type HealthView = Static<typeof HealthViewSchema>

export const PoolViewSchema = Type.Object(
  {
    name: Type.String(),
    strategy: Type.String({ description: 'How the next endpoint is chosen.' }),
    panic: Panic,
    available: Count('Endpoints that may take requests.'),
    activeRequests: Count('Requests under way to all of its endpoints.'),
    endpoints: Type.Array(Id, { description: 'All endpoints that are known.' }),
  },
  { title: 'Pool' },
)
export type PoolView = Static<typeof PoolViewSchema>

const Administrative = Type.Object(
  {
    discovered: Type.Enum(OPERATOR_STATES, { description: 'What discovery says.' }),
    operator: OrNull.OperatorState('What an operator says here; null: nothing.'),
    effective: Type.Enum(OPERATOR_STATES, { description: "The operator's word, else discovery's." }),
  },
  { description: 'What people and discovery want.' },
)

const Observed = Type.Object(
  {
    health: Type.Enum(['starting', 'up', 'down']),
    reason: Type.String({ description: 'What was seen last.' }),
  },
  { description: 'What checks see.' },
)

const Circuit = Type.Object(
  {
    state: Type.Enum(['closed', 'open', 'half-open']),
    reason: OrNull.String('What opened it; null while it is closed.'),
    openUntilInMs: OrNull.Number('When it turns half-open, from now; null when it is not open.'),
    ejections: Count('How often it has opened.'),
  },
  { description: 'What was seen of its requests.' },
)

const Weight = Type.Object({
  configured: Type.Number({ description: 'What discovery says.' }),
  operator: OrNull.Number('What an operator says here; null: nothing.'),
  effective: Type.Number({ description: 'What counts now, with slow start and reports.' }),
  reportRatio: Type.Number({
    minimum: 0,
    maximum: 1,
    description: 'Part of the weight that what it reports leaves it; with slow start the lesser of both counts.',
  }),
  reportReason: OrNull.String(
    'Why that is not all of it, or why it is although trouble is reported; null when nothing is the matter.',
  ),
})

const Reported = OrNull.Object(
  {
    ageMs: Count('Since it came.'),
    counts: Type.Boolean({ description: 'Whether it is young enough to count.' }),
    sequence: OrNull.Number('Number of the report.'),
    utilization: OrNull.Number('Share of its capacity in use; more than 1 is allowed.'),
    requestsPerSecond: OrNull.Number('Requests that it answers per second.'),
    errorsPerSecond: OrNull.Number('Of those, the ones that failed by its own fault.'),
    loopDelayP99Ms: OrNull.Number('99th percentile of the delay of its event loop.'),
    gcRatio: OrNull.Number('Share of its time in garbage collection.'),
    memoryUtilization: OrNull.Number('Share of the memory that it may have.'),
    heapUtilization: OrNull.Number('Heap in use of its limit.'),
    cacheHitRatio: OrNull.Number('Share of the look-ups in its cache that were hits.'),
    databaseWaiting: OrNull.Number('Requests that wait for a database connection.'),
    databaseHasRoom: Type.Boolean({
      description: 'False while requests that need the database go to others first (reports.database-free).',
    }),
    pressure: Type.Unsafe<'normal' | 'warning' | 'critical' | 'emergency' | null>({
      enum: ['normal', 'warning', 'critical', 'emergency', null],
      description: 'Memory pressure.',
    }),
  },
  'What it last said of its own load; each figure null where it did not say. null: it said nothing, or is not trusted.',
)

const Requests = Type.Object({
  active: Count('Sent and not yet answered in full.'),
  total: Count('Ever sent, each try counted.'),
  failures: Count('Tries that ended without an answer: refused, reset, too late.'),
})

const Latency = Type.Object({
  firstByteMs: OrNull.Number('Mean time to the first byte of an answer, the last ones counting most; null: none yet.'),
  p99Ms: OrNull.Number('99 of 100 answers begin within this; null: too few yet.'),
})

export const EndpointViewSchema = Type.Object(
  {
    id: Id,
    url: Type.String(),
    pool: Type.String({ description: 'Name of its pool.' }),
    available: Available,
    why: Why,
    returnsInMs: ReturnsInMs,
    administrative: Administrative,
    observed: Observed,
    circuit: Circuit,
    reported: Reported,
    slowStart: OrNull.Object(
      { ratio: Type.Number({ minimum: 0, maximum: 1, description: 'Part of its weight that it gets now.' }) },
      'null when it gets all of its weight.',
    ),
    weight: Weight,
    requests: Requests,
    latency: Latency,
  },
  { title: 'Endpoint' },
)
export type EndpointView = Static<typeof EndpointViewSchema>

/** Changes of an operator: null gives the word back to discovery, an absent key changes nothing. */
export const EndpointChangeSchema = Type.Object(
  {
    weight: Type.Optional(
      OrNull.Integer('Share of the traffic relative to the others; null: what discovery says.', {
        minimum: 1,
        maximum: 1000,
      }),
    ),
    state: Type.Optional(
      OrNull.OperatorState('`draining`: it finishes what it has and gets nothing new; null: what discovery says.'),
    ),
  },
  { additionalProperties: false, minProperties: 1 },
)
export type EndpointChange = Static<typeof EndpointChangeSchema>

export const AllEndpointsChangeSchema = Type.Object(
  { state: OrNull.OperatorState('`draining`: nobody gets anything new; null: what discovery says of each.') },
  { additionalProperties: false },
)
export type AllEndpointsChange = Static<typeof AllEndpointsChangeSchema>

export const DecisionViewSchema = Type.Object(
  {
    requestId: Type.String(),
    atIso: Type.String({ description: 'Wall-clock time, ISO 8601 in UTC.' }),
    tryNumber: Type.Integer({ minimum: 1, description: '1 for the first try.' }),
    strategy: Type.String(),
    kind: Type.Enum(['picked', 'database-room', 'probe', 'panic', 'none', 'rate-limited'], {
      description:
        '`picked` by the strategy, `database-room`: by the strategy, of those without database waiters, `probe` of an endpoint on trial, `panic`: taken though not available, `none`: nobody could be asked, `rate-limited`: nobody was, because the client has had its share.',
    }),
    chosen: OrNull.String('Id of the endpoint; null for `none` and `rate-limited`.'),
    candidates: Type.Array(
      Type.Object({
        id: Id,
        score: OrNull.Number("The strategy's figure; null when it has none.", -Number.MAX_VALUE),
        weight: Type.Number(),
        activeRequests: Count('Requests under way to it at that moment.'),
      }),
      { description: 'The first 16.' },
    ),
    candidateCount: Count('All candidates, also those not listed.'),
    leftOut: Type.Array(Type.Object({ id: Id, why: Type.String() }), { description: 'The first 16.' }),
    leftOutCount: Count('All that were left out, also those not listed.'),
    outcome: OrNull.Object(
      {
        status: Type.Integer({ minimum: 0, description: 'Status of the answer; 0: none came.' }),
        end: Type.String({ description: 'How the try ended: `answered`, `retried`, `refused`, `client-left`, ...' }),
        errorCode: OrNull.String('Code of the balancer, `LB_ERR_...`.'),
        errorDetail: OrNull.String('What happened this time.'),
        cause: OrNull.String("What lies behind it: the system's or the codec's own code, or the rule of a limit."),
        notRetriedBecause: OrNull.String('Why it was not sent again, where it could have been.'),
      },
      'null while it is under way.',
    ),
  },
  { title: 'Decision' },
)
export type DecisionView = Static<typeof DecisionViewSchema>

export const ExplanationSchema = Type.Object(
  { requestId: Type.String(), tries: Type.Array(DecisionViewSchema, { description: 'Oldest first.' }) },
  { title: 'Explanation' },
)

/** What became of a reload. */
export interface ReloadView {
  readonly outcome: 'applied' | 'unchanged' | 'refused'
  /** For `refused`: what's wrong where, one sentence each. Empty otherwise. */
  readonly problems: readonly string[]
}

/** The good answers to a reload; a refused one is answered with a problem. */
export const ReloadedSchema = Type.Object({ outcome: Type.Enum(['applied', 'unchanged']) })
