// From where on something is worth a recommendation: all limits of all rules, and so many cases that a share of them means something.
//
// A rule speaks when a figure has reached its limit, and never below.
import { UNUSED_AFTER_DAYS } from '../../../database/verify/index-findings.ts'

const DAY_S = 86_400
const MIB = 2 ** 20

export const THRESHOLDS = {
  cache: {
    /** Below this share of hits a namespace earns little... */
    leastHitRatio: 0.8,
    /** ...once it has been asked so often. */
    leastLookUps: 1000,
  },
  statements: {
    /** A statement whose slowest hundredth takes this long on its connection... */
    p99Ms: 100,
    /** ...of so many. */
    leastCount: 100,
  },
  indexes: {
    /** Statistics that are younger tell nothing of what is used once a week. */
    leastAgeS: UNUSED_AFTER_DAYS * DAY_S,
    /** Smaller ones cost next to nothing. */
    leastBytes: MIB,
  },
  tables: {
    /** Smaller ones are read from end to end as quickly as by an index. */
    leastRows: 10_000,
    leastSequentialScans: 100,
    /** Share of all scans of the table. */
    sequentialRatio: 0.1,
  },
  buffers: {
    leastHitRatio: 0.95,
    /** Blocks. */
    leastAccesses: 100_000,
  },
  pool: {
    /** Callers that wait at this moment, over all workers. */
    waiting: 10,
    /** Busy connections of all that the fullest worker's pool may open. */
    saturationRatio: 0.9,
    /** Callers that got no connection, of all who wanted one... */
    refusedRatio: 0.001,
    leastRefused: 10,
    /** Wait for a connection of the slowest hundredth... */
    waitP99Ms: 50,
    /** ...of so many. */
    leastWaits: 1000,
  },
  connections: {
    /** Used, by all programs, of those that the server allows. */
    usedRatio: 0.8,
  },
  memory: {
    /** Levels of pressure: where each begins is for whoever watches the memory. */
    warningLevel: 1,
    criticalLevel: 2,
    /** Time to a limit at the present slope. */
    limitWithinS: 6 * 3600,
  },
  eventLoop: {
    /** Of one worker. */
    utilisationRatio: 0.85,
    delayP99Ms: 100,
  },
  errors: {
    /** Answers that the server is to blame for. */
    ratio: 0.01,
    /** Requests. */
    leastRequests: 1000,
  },
} as const
