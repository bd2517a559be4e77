// Rules about indexes, by what the database has counted of their use.
import { percent, reached, shown, type Rule } from './rule.ts'
import { THRESHOLDS } from './thresholds.ts'

const HOUR_S = 3600

/** Never one that a constraint needs: those aren't in the snapshot. */
export const unusedIndexes: Rule = ({ server }) => {
  const { leastAgeS, leastBytes } = THRESHOLDS.indexes
  // What a replica does with an index isn't counted here.
  if (server === null || server.ageS < leastAgeS || server.replicas > 0) return []
  return server.indexes
    .filter(({ scans, bytes }) => scans === 0 && bytes >= leastBytes)
    .map(({ name, table, bytes, rows }) => ({
      id: `unused-index:${name}`,
      area: 'indexes' as const,
      severity: 'advice' as const,
      title: `The index ${name} of ${table} has not been used for ${Math.floor(server.ageS / HOUR_S / 24)} days`,
      evidence: [
        reached('time without a scan', server.ageS, 's', leastAgeS),
        reached('size', bytes, 'bytes', leastBytes),
        shown('rows of the table', rows, 'rows'),
      ],
      action: `Each write maintains it. If nothing that runs once a month needs it, remove it by a migration: drop index concurrently ${name}`,
    }))
}

export const sequentialScans: Rule = ({ server }) => {
  const { leastRows, leastSequentialScans, sequentialRatio: limit } = THRESHOLDS.tables
  if (server === null) return []
  return server.tables.flatMap(({ name, rows, sequentialScans: scans, sequentialRows, indexScans }) => {
    const ratio = scans === 0 ? 0 : scans / (scans + indexScans)
    if (rows < leastRows || scans < leastSequentialScans || ratio < limit) return []
    return [
      {
        id: `sequential-scans:${name}`,
        area: 'indexes' as const,
        severity: 'advice' as const,
        title: `${percent(ratio)} of the scans of ${name} read the whole table`,
        evidence: [
          reached('sequential scans of all scans', ratio, 'ratio', limit),
          shown('sequential scans', scans, 'count'),
          shown('rows read by them', sequentialRows, 'rows'),
          shown('rows of the table', rows, 'rows'),
        ],
        action: `Some statement on ${name} has no index that fits: find it by its time in \`db_statement_duration_seconds\`, and try one with \`npm run db:verify -- --advise\`.`,
      },
    ]
  })
}
