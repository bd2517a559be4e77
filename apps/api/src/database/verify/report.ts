// What `verify` found, as lines to read.
import type { Verification } from './verify.ts'
import { UNUSED_AFTER_DAYS } from './index-findings.ts'

export function renderVerification(found: Verification): readonly string[] {
  const { indexes, statistics, queries, advice, unlisted } = found
  const failed = queries.filter(({ verdict }) => verdict === 'not-used')
  const tooSmall = queries.filter(({ verdict }) => verdict === 'too-small').map(({ query }) => query)
  const proved = queries.length - failed.length - tooSmall.length
  const young = statistics.days < UNUSED_AFTER_DAYS
  return [
    `Indexes: ${indexes.present.length} of ${indexes.present.length + indexes.missing.length} that the migrations declare are there.`,
    ...indexes.missing.map(
      ({ name, table, migration }) =>
        `  missing    ${name} on ${table}: ${migration} declares it; restore it as it stands there`,
    ),
    ...indexes.invalid.map(
      ({ name, table }) => `  invalid    ${name} on ${table}: its build failed; drop it and build it again`,
    ),
    ...indexes.duplicate.map(
      ({ index, coveredBy, kind }) =>
        `  duplicate  ${index.name} on ${index.table}: ${coveredBy.name} ${kind === 'same' ? 'is the same' : 'begins with its columns'}; ${mib(index.bytes)} could go`,
    ),
    ...indexes.undeclared.map(({ name, table }) => `  undeclared ${name} on ${table}: no migration knows it`),
    ...indexes.unused.map(
      ({ name, table, bytes }) =>
        `  unused     ${name} on ${table}: never scanned in ${Math.floor(statistics.days)} days; ${mib(bytes)}${statistics.replicas > 0 ? '; a replica may use it' : ''}`,
    ),
    ...(young
      ? [
          `  Which are never used can't be told yet: uses are counted since ${statistics.since.toISOString()}, and it takes ${UNUSED_AFTER_DAYS} days.`,
        ]
      : []),
    `Queries: ${proved} of ${queries.length} use their index${failed.length === 0 ? '.' : ':'}`,
    ...failed.map(
      ({ query, expected, used, scanned }) =>
        `  ${query}: expected ${expected.join(' and ')}, its plan has ${used.length === 0 ? 'no index' : used.join(', ')}${scanned.length === 0 ? '' : `, and reads all of ${scanned.join(', ')}`}`,
    ),
    ...(tooSmall.length === 0
      ? []
      : [`  Too few rows to tell: ${tooSmall.join(', ')}. Load the full demo data, or run it where the data are.`]),
    ...(unlisted.length === 0 ? [] : [`  Not proved, since no listed query names them: ${unlisted.join(', ')}`]),
    ...advice.map(
      ({ query, sql, costBefore, costAfter }) =>
        `Advice for ${query}: ${sql} would lower its cost from ${Math.round(costBefore)} to ${Math.round(costAfter)}.`,
    ),
  ]
}

function mib(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`
}
