// What `verify` found, as lines to read.
import type { QueryProof, Verdict, Verification } from './verify.ts'
import { UNUSED_AFTER_DAYS } from './index-findings.ts'

export function renderVerification(found: Verification): readonly string[] {
  const { indexes, statistics, queries, advice, unlisted } = found
  const withVerdict = (wanted: Verdict) => queries.filter(({ verdict }) => verdict === wanted)
  const failed = withVerdict('not-used')
  const unanalysed = withVerdict('no-statistics')
  const tooSmall = withVerdict('too-small')
  const fitting = withVerdict('fits').length
  const young = statistics.days < UNUSED_AFTER_DAYS
  return [
    `Indexes: ${indexes.present.length} of ${indexes.declared} that the migrations declare are there.`,
    ...indexes.missing.map(
      ({ name, table, migration }) =>
        `  missing    ${name} on ${table}: ${migration} declares it; restore it as it stands there`,
    ),
    ...indexes.different.map(
      ({ declared: { name, table, migration }, shouldBe, is }) =>
        `  different  ${name} on ${table}: it is not what ${migration} declares; restore it: ${shouldBe}, where now is: ${is}`,
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
      ({ index: { name, table, bytes }, days }) =>
        `  unused     ${name} on ${table}: never scanned ${days === null ? `since ${statistics.since.toISOString()}, or since it was made: its age is unknown` : `in ${Math.floor(days)} days`}; ${mib(bytes)}${statistics.replicas > 0 ? '; a replica may use it' : ''}`,
    ),
    ...(young
      ? [
          `  Which are never used can't be told yet: uses are counted since ${statistics.since.toISOString()}, and it takes ${UNUSED_AFTER_DAYS} days.`,
        ]
      : []),
    `Queries: ${withVerdict('used').length} of ${queries.length} use their index${fitting === 0 ? '' : `; ${fitting} more fit theirs, but were planned without sequential scans and sorts, since their tables are small`}${failed.length === 0 ? '.' : ':'}`,
    ...failed.map(
      ({ query, expected, used, scanned }) =>
        `  ${query}: expected ${expected.join(' and ')}, its plan has ${used.length === 0 ? 'no index' : used.join(', ')}${scanned.length === 0 ? '' : `, and reads all of ${scanned.join(', ')}`}`,
    ),
    ...(unanalysed.length === 0
      ? []
      : [
          `  Not to be told without statistics of ${[...new Set(unanalysed.flatMap(query => query.unanalysed))].join(', ')}: ${queriesOf(unanalysed)}. Run ANALYZE.`,
        ]),
    ...(tooSmall.length === 0
      ? []
      : [`  Too few rows to tell: ${queriesOf(tooSmall)}. Load the full demo data, or run it where the data are.`]),
    ...(unlisted.length === 0 ? [] : [`  Not proved, since no listed query names them: ${unlisted.join(', ')}`]),
    ...advice.map(
      ({ query, sql, costBefore, costAfter }) =>
        `Advice for ${query}: ${sql} would lower its cost from ${Math.round(costBefore)} to ${Math.round(costAfter)}.`,
    ),
  ]
}

function queriesOf(proofs: readonly QueryProof[]): string {
  return proofs.map(({ query }) => query).join(', ')
}

function mib(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`
}
