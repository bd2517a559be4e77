// What a rule is: a pure function from one snapshot to what it recommends, which is nothing most of the time.
import type { Evidence, Recommendation } from './schema.ts'
import type { Snapshot } from './snapshot.ts'

export type Rule = (snapshot: Snapshot) => readonly Recommendation[]

/** Digits after the point that a figure of a unit is shown with. */
const DECIMALS: Readonly<Record<Evidence['unit'], number>> = {
  count: 0,
  ratio: 4,
  ms: 1,
  s: 0,
  bytes: 0,
  rows: 0,
  blocks: 0,
  connections: 0,
  level: 0,
}

/** A figure that belongs to the picture. */
export function shown(figure: string, value: number, unit: Evidence['unit']): Evidence {
  return { figure, value: rounded(value, unit), unit, limit: null }
}

/** The figure that has reached its limit. */
export function reached(figure: string, value: number, unit: Evidence['unit'], limit: number): Evidence {
  return { figure, value: rounded(value, unit), unit, limit }
}

function rounded(value: number, unit: Evidence['unit']): number {
  const factor = 10 ** DECIMALS[unit]
  return Math.round(value * factor) / factor
}

/** As people read a share. */
export function percent(ratio: number): string {
  return `${(ratio * 100).toFixed(1)} %`
}
