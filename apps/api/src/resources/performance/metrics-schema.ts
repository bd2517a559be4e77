// Answer of `GET /performance/metrics`. Counts are since the start of whom they're of.
import { PRESSURE_LEVELS } from '@plimsoll/memory-optimizer'
import { Type, type Static } from 'typebox'
import { about, Bytes, closed, Count, Ms, NullableCount, NullableRatio, NullableText, Ratio, Seconds } from './parts.ts'

const Server = Type.Object(
  {
    requests: Type.Integer({ minimum: 0, description: 'That have ended; this one has not.' }),
    active: Count,
    errors: Type.Integer({ minimum: 0, description: 'Answers with a status of 500 or above.' }),
    abandoned: Type.Integer({ minimum: 0, description: 'Where the client went away before its answer.' }),
    avgResponseTimeMs: Ms,
    p50ResponseTimeMs: Ms,
    p99ResponseTimeMs: Ms,
    uptimeS: Type.Number({ minimum: 0, description: "Of the fleet's supervisor, or of the worker that is by itself." }),
  },
  closed,
)

const Optimizer = Type.Object(
  {
    optimizations: Type.Object(
      {
        cacheHits: Count,
        sharedLoads: Type.Integer({ minimum: 0, description: 'Calls that waited for a load that was under way.' }),
        staleServed: Count,
        earlyRefreshes: Count,
        savedStatements: Type.Integer({
          minimum: 0,
          description: 'Calls of repositories beyond the statements that answered them.',
        }),
        retries: Type.Integer({
          minimum: 0,
          description: 'Failed attempts that were repeated, so that nobody noticed.',
        }),
      },
      { ...closed, description: 'What was saved.' },
    ),
    performance: Type.Object(
      {
        cacheHitRatio: NullableRatio,
        averageUtilisationRatio: Type.Union([Ratio, Type.Null()], {
          description: 'Of the event loops; null: nobody has told yet.',
        }),
        highestUtilisationRatio: NullableRatio,
        eventLoopDelayP99Ms: Type.Number({
          minimum: 0,
          description: 'Of the slowest loop, or their mean where memory is not watched.',
        }),
      },
      closed,
    ),
    memory: Type.Object(
      {
        rssBytes: Bytes,
        heapUsedBytes: Bytes,
        heapTotalBytes: Bytes,
        externalBytes: Bytes,
        pressure: Type.Union([Type.Enum(PRESSURE_LEVELS), Type.Null()], {
          description: 'Of the worker that is nearest to a limit; null: nobody watches.',
        }),
        nearestLimitRatio: Type.Union([Type.Number({ minimum: 0 }), Type.Null()], {
          description: 'Use of that limit.',
        }),
        limitInS: Type.Union([Seconds, Type.Null()], {
          description:
            'Time until the first worker reaches a limit at its present slope; null: none is on the way there.',
        }),
      },
      { ...closed, description: 'Sums over the workers, of their last samples.' },
    ),
  },
  closed,
)

const Worker = Type.Object(
  {
    number: Count,
    generation: Count,
    pid: NullableCount,
    state: Type.Enum(['starting', 'ready', 'unready', 'draining', 'stopping', 'ended', 'backing-off']),
    uptimeS: Seconds,
    utilisationRatio: NullableRatio,
    restarts: Count,
    crashLoop: Type.Boolean(),
    unreadyReason: NullableText,
  },
  closed,
)

const Architecture = Type.Object(
  {
    components: Type.Object(
      {
        workers: Type.Array(Worker),
        database: Type.Object(
          {
            status: Type.Enum(['up', 'down'], { description: '`down`: some worker gets no answer.' }),
            routes: Type.Array(
              Type.Object(
                { name: Type.String(), available: Type.Boolean({ description: 'To all.' }), usedBy: Count },
                closed,
              ),
            ),
          },
          closed,
        ),
        cache: Type.Object(
          {
            machine: Type.Enum(['none', 'up', 'down']),
            far: Type.Enum(['none', 'up', 'down']),
            workersOutOfTouch: Type.Integer({
              minimum: 0,
              description: 'Workers that can not know of all changes, and serve within their bound only.',
            }),
          },
          closed,
        ),
      },
      closed,
    ),
    scaling: Type.Object(
      {
        workers: Type.Integer({ minimum: 0, description: 'That are ready.' }),
        wanted: Count,
        min: Count,
        max: Count,
        added: Count,
        removed: Count,
        restarted: Type.Integer({ minimum: 0, description: 'Processes started again without having been asked to.' }),
        replaced: Count,
        recyclesWaiting: Count,
      },
      closed,
    ),
    health: Type.Object(
      {
        status: Type.Enum(['ok', 'degraded', 'down']),
        ready: Count,
        workers: Count,
        reasons: Type.Array(Type.String()),
      },
      closed,
    ),
  },
  closed,
)

const Durations = { averageMs: Ms, p50Ms: Ms, p99Ms: Ms }

const Database = Type.Object(
  {
    connections: Type.Object(
      {
        open: Type.Integer({ minimum: 0, description: 'Idle and busy.' }),
        idle: Count,
        busy: Count,
        opening: Count,
        waiting: Type.Integer({ minimum: 0, description: 'Callers that wait for one.' }),
        saturationRatio: Type.Number({ minimum: 0, maximum: 1, description: 'Of the fullest pool.' }),
        serverUsed: Type.Union([Count, Type.Null()], {
          description: 'Connections to all databases of the server, of all programs, when it was last looked at.',
        }),
        serverLimit: Type.Union([Count, Type.Null()], {
          description: 'How many of them the server lets in: `max_connections` without the reserved ones.',
        }),
      },
      closed,
    ),
    queries: Type.Object(
      {
        calls: Type.Integer({ minimum: 0, description: 'Of repositories.' }),
        abandoned: Type.Integer({ minimum: 0, description: 'Calls that nobody waited for any more.' }),
        statements: Type.Integer({ minimum: 0, description: 'On connections; one may answer many calls.' }),
      },
      closed,
    ),
    performance: Type.Object(
      {
        calls: Type.Object(Durations, { ...closed, description: 'Waits and repetitions included.' }),
        statements: Type.Object(Durations, closed),
        waits: Type.Object(Durations, { ...closed, description: 'For a connection.' }),
        probeLatencyMs: Type.Number({ minimum: 0, description: 'Of the slowest worker.' }),
      },
      closed,
    ),
    errors: Type.Object(
      {
        failedCalls: Count,
        refused: Type.Integer({ minimum: 0, description: 'Callers that got no connection.' }),
        failedConnects: Count,
        discardedConnections: Count,
        retriesRefused: Type.Integer({ minimum: 0, description: 'Failed attempts that were not repeated.' }),
      },
      closed,
    ),
  },
  closed,
)

export const PerformanceMetrics = Type.Object(
  { ...about, server: Server, optimizer: Optimizer, architecture: Architecture, database: Database },
  { ...closed, description: 'How the service does, in one answer.' },
)
export type PerformanceMetrics = Static<typeof PerformanceMetrics>
