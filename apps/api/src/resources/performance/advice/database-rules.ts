// Rules about the database and the ways to it. Those about its indexes: index-rules.ts.
import { percent, reached, shown, type Rule } from './rule.ts'
import { THRESHOLDS } from './thresholds.ts'

export const databaseDown: Rule = ({ isDatabaseUp }) => {
  if (isDatabaseUp) return []
  return [
    {
      id: 'database-down',
      area: 'database',
      severity: 'critical',
      title: 'The database does not answer every worker',
      evidence: [reached('lowest `db_up` of the workers', 0, 'level', 0)],
      action: '`/health` says with which code the probe fails; look whether PostgreSQL runs, and takes connections.',
    },
  ]
}

export const routesAway: Rule = ({ pools }) =>
  pools
    .filter(({ isAvailable }) => !isAvailable)
    .map(({ route }) => ({
      id: `route-away:${route}`,
      area: 'database' as const,
      severity: pools.some(other => other.isAvailable) ? ('warning' as const) : ('critical' as const),
      title: `The route "${route}" to the database is away for some worker`,
      evidence: [reached('lowest `db_route_available` of the workers', 0, 'level', 0)],
      action: '`/health/detailed` says why it is away; it is taken again by itself when its probes are answered.',
    }))

export const openCircuits: Rule = ({ pools }) =>
  pools
    .filter(({ isCircuitOpen }) => isCircuitOpen)
    .map(({ route }) => ({
      id: `circuit-open:${route}`,
      area: 'database' as const,
      severity: 'warning' as const,
      title: `Statements on the route "${route}" failed so often that it is left alone for a while`,
      evidence: [reached('open circuits of this worker', 1, 'count', 1)],
      action: 'Look for the SQLSTATEs in the log, category `database`; what the server refuses it says there.',
    }))

export const poolQueue: Rule = ({ pools }) => {
  const limit = THRESHOLDS.pool.waiting
  return pools
    .filter(({ waiting }) => waiting >= limit)
    .map(({ route, waiting, saturationRatio }) => ({
      id: `pool-queue:${route}`,
      area: 'database' as const,
      severity: 'warning' as const,
      title: `${waiting} callers wait for a connection of the route "${route}"`,
      evidence: [reached('waiting callers', waiting, 'count', limit), shown('saturation', saturationRatio, 'ratio')],
      action: `Make the slowest statements quicker first; then raise DB_MAX_CONNECTIONS within DB_CONNECTION_BUDGET, while the database has cores to spare.`,
    }))
}

export const poolSaturation: Rule = ({ pools }) => {
  const limit = THRESHOLDS.pool.saturationRatio
  return pools
    .filter(({ saturationRatio }) => saturationRatio >= limit)
    .map(({ route, saturationRatio, waiting }) => ({
      id: `pool-saturation:${route}`,
      area: 'database' as const,
      severity: 'advice' as const,
      title: `A worker lends ${percent(saturationRatio)} of the connections that it may open on the route "${route}"`,
      evidence: [reached('saturation', saturationRatio, 'ratio', limit), shown('waiting callers', waiting, 'count')],
      action: 'Once is a burst; when it is so in many looks raise DB_MAX_CONNECTIONS within DB_CONNECTION_BUDGET.',
    }))
}

export const poolRefusals: Rule = ({ pools }) => {
  const { refusedRatio: limit, leastRefused } = THRESHOLDS.pool
  return pools.flatMap(({ route, refused, acquired }) => {
    const ratio = refused === 0 ? 0 : refused / (refused + acquired)
    if (refused < leastRefused || ratio < limit) return []
    return [
      {
        id: `pool-refusals:${route}`,
        area: 'database' as const,
        severity: 'warning' as const,
        title: `${percent(ratio)} of those who wanted a connection of the route "${route}" got none`,
        evidence: [
          reached('refused callers of all', ratio, 'ratio', limit),
          shown('refused callers', refused, 'count'),
          shown('callers that got one', acquired, 'count'),
        ],
        action:
          '`db_pool_refused_total` has them by code: DB_ERR_POOL_BUSY asks for quicker statements or more connections, DB_ERR_CONNECT for a look at the server.',
      },
    ]
  })
}

export const poolWaits: Rule = ({ pools }) => {
  const { waitP99Ms: limit, leastWaits } = THRESHOLDS.pool
  return pools
    .filter(({ acquired, waitP99Ms }) => acquired >= leastWaits && waitP99Ms >= limit)
    .map(({ route, acquired, waitP99Ms }) => ({
      id: `pool-waits:${route}`,
      area: 'database' as const,
      severity: 'advice' as const,
      title: `One in a hundred statements waits ${Math.round(waitP99Ms)} ms and more for a connection of the route "${route}"`,
      evidence: [reached('99th percentile of the wait', waitP99Ms, 'ms', limit), shown('waits', acquired, 'count')],
      action:
        'Raise DB_MIN_CONNECTIONS if it is the opening of connections that takes the time, else DB_MAX_CONNECTIONS.',
    }))
}

export const connectionBudget: Rule = ({ connections }) => {
  const limit = THRESHOLDS.connections.usedRatio
  if (connections === null || connections.limit === 0) return []
  const ratio = connections.used / connections.limit
  if (ratio < limit) return []
  return [
    {
      id: 'connection-budget',
      area: 'database',
      severity: ratio >= 1 ? 'critical' : 'warning',
      title: `${connections.used} of the ${connections.limit} connections that PostgreSQL allows are used`,
      evidence: [
        reached('used connections', ratio, 'ratio', limit),
        shown('used connections', connections.used, 'connections'),
        shown('max_connections without the reserved ones', connections.limit, 'connections'),
      ],
      action:
        'Lower DB_CONNECTION_BUDGET, look in `pg_stat_activity` for other programs, or put a pooler in front (DATABASE_DIRECT_URL); the next connection may be refused.',
    },
  ]
}

export const slowStatements: Rule = ({ statements }) => {
  const { p99Ms: limit, leastCount } = THRESHOLDS.statements
  return statements
    .filter(({ count, p99Ms }) => count >= leastCount && p99Ms >= limit)
    .map(({ name, count, averageMs, p99Ms }) => ({
      id: `slow-statement:${name}`,
      area: 'database' as const,
      severity: 'warning' as const,
      title: `One in a hundred executions of "${name}" takes ${Math.round(p99Ms)} ms and more`,
      evidence: [
        reached('99th percentile', p99Ms, 'ms', limit),
        shown('average', averageMs, 'ms'),
        shown('executions', count, 'count'),
      ],
      action:
        'The log has its text (category `database`, "slow statement"); look at its plan with EXPLAIN (ANALYZE, BUFFERS).',
    }))
}

export const bufferHits: Rule = ({ server }) => {
  const { leastHitRatio: limit, leastAccesses } = THRESHOLDS.buffers
  if (server === null) return []
  const { hits, reads } = server.buffers
  const ratio = hits / (hits + reads)
  // Less than enough, as a rule about too little: it speaks below its limit.
  if (hits + reads < leastAccesses || ratio >= limit) return []
  return [
    {
      id: 'buffer-hits',
      area: 'database',
      severity: 'advice',
      title: `PostgreSQL finds ${percent(ratio)} of its blocks in memory`,
      evidence: [
        reached('blocks found in shared buffers', ratio, 'ratio', limit),
        shown('blocks found', hits, 'blocks'),
        shown('blocks read', reads, 'blocks'),
      ],
      action:
        'Raise shared_buffers (a quarter of the memory is usual), or look for statements that read far more than they answer.',
    },
  ]
}
