// The figures of a flood, for people.
import { intervalName, renderRatio } from '../paired.ts'
import { type Column, number, percent, renderTable } from '../report.ts'
import type { Judged } from './judgement.ts'
import { GOAL_RATIO } from './variants.ts'

export interface JudgedVariant extends Judged {
  readonly name: string
  readonly rounds: number
}

export function renderFlood(variants: readonly JudgedVariant[]): string {
  const ms = (value: number) => number(value, value < 10 ? 2 : 1)
  const columns: Column<JudgedVariant>[] = [
    { heading: 'reads, ms', align: 'left', cell: row => row.name },
    { heading: 'p50 calm', align: 'right', cell: row => ms(row.p50Ms.calm) },
    { heading: 'flooded', align: 'right', cell: row => ms(row.p50Ms.flooded) },
    { heading: 'p99 calm', align: 'right', cell: row => ms(row.p99Ms.calm) },
    { heading: 'flooded', align: 'right', cell: row => ms(row.p99Ms.flooded) },
    {
      heading: `ratio (${intervalName(variants[0]?.rounds ?? 0)})`,
      align: 'right',
      cell: row => renderRatio(row.ratio),
    },
    { heading: 'failed', align: 'right', cell: row => number(row.failedReads) },
    { heading: `≤ ${GOAL_RATIO}`, align: 'left', cell: row => row.verdict },
  ]
  return `${renderTable(columns, variants)}\n${variants.map(renderLogins).join('')}`
}

/** What became of the flood, most frequent first, and what it cost. */
function renderLogins({ name, logins, outcomes, hashed, hashedAtMost, cpuUsPerLogin }: JudgedVariant): string {
  const shares = Object.entries(outcomes)
    .toSorted(([, a], [, b]) => b - a)
    .map(([outcome, count]) => `${outcome} ${number(count)} (${percent(count / logins)})`)
  const costs = Object.entries(cpuUsPerLogin).map(([part, us]) => `${part} ${number(us)}`)
  const limit = hashedAtMost === null ? 'nothing limits them' : `the limits let ${number(hashedAtMost)} through at most`
  return [
    `  ${name}: ${number(logins)} wrong logins: ${shares.join(', ')}`,
    `    passwords that were hashed: ${number(hashed)}; ${limit}`,
    `    CPU µs of a login: ${costs.join(', ')}`,
    '',
  ].join('\n')
}
