// The reports' own tables with our figures beside them, and what a request costs.
import { renderRatio } from '../paired.ts'
import { type Column, number, percent, renderTable } from '../report.ts'
import type { Claim, Range } from './claims.ts'
import type { Measured } from './comparison.ts'
import type { Crowd } from './scenarios.ts'
import { costPerRequest, hitRatio, type JudgedClaim } from './verdicts.ts'

const CROWD_TITLES: Readonly<Record<Crowd, string>> = { 1: 'one request at a time', 10: 'ten at once' }

/** Of one report, under one load. */
export function renderClaims(crowd: Crowd, rows: readonly JudgedClaim[]): string {
  const columns: Column<JudgedClaim>[] = [
    { heading: CROWD_TITLES[crowd], align: 'left', cell: ({ claim }) => claim.row },
    { heading: 'claimed: before, ms', align: 'right', cell: ({ claim }) => range(claim.beforeMs) },
    { heading: 'after, ms', align: 'right', cell: ({ claim }) => after(claim) },
    { heading: 'ratio', align: 'right', cell: ({ claim }) => range(claim.ratio) },
    { heading: 'here: before, ms', align: 'right', cell: row => ms(row.beforeMs) },
    { heading: 'ours, ms', align: 'right', cell: row => ms(row.afterMs) },
    { heading: 'ratio', align: 'right', cell: row => renderRatio(row.ratio, 1) },
    { heading: '', align: 'left', cell: row => row.verdict },
  ]
  return renderTable(columns, rows)
}

/** Processor time per request of both sides. */
export function renderCosts(measured: readonly Measured[], crowd: Crowd): string {
  const rows = measured
    .filter(one => one.crowd === crowd)
    .map(({ scenario, before, after }) => ({
      scenario,
      before: costPerRequest(before),
      after: costPerRequest(after),
      hits: hitRatio(after),
    }))
  type Row = (typeof rows)[number]
  const of = (heading: string, us: (row: Row) => number): Column<Row> => ({
    heading,
    align: 'right',
    cell: row => number(us(row)),
  })
  return renderTable<Row>(
    [
      { heading: `CPU, µs per request, ${CROWD_TITLES[crowd]}`, align: 'left', cell: row => row.scenario },
      of('before: service', ({ before }) => before['naive service'] ?? 0),
      of('PostgreSQL', ({ before }) => before['PostgreSQL'] ?? 0),
      of('all', ({ before }) => total(before)),
      { heading: 'ours: from cache', align: 'right', cell: row => percent(row.hits) },
      of('balancer', ({ after }) => after['balancer'] ?? 0),
      of('API', ({ after }) => after['API'] ?? 0),
      of('PostgreSQL', ({ after }) => after['PostgreSQL'] ?? 0),
      of('all', ({ after }) => total(after)),
      { heading: 'ratio', align: 'right', cell: row => number(total(row.before) / total(row.after), 1) },
    ],
    rows,
  )
}

function total(parts: Readonly<Record<string, number>>): number {
  return Object.values(parts).reduce((sum, us) => sum + us, 0)
}

function after({ afterMs, targetMs }: Claim): string {
  return targetMs === undefined ? range(afterMs) : `${range(afterMs)}, target ${number(targetMs)}`
}

function range(of: Range | undefined): string {
  if (of === undefined) return ''
  const [from, to] = of
  const shown = (value: number) => number(value, Number.isInteger(value) ? 0 : 1)
  return from === to ? shown(from) : `${shown(from)}-${shown(to)}`
}

function ms(value: number): string {
  return number(value, value < 10 ? 2 : 1)
}
