// One check for every number that can be set, so that each message says name, value and range in the same way.
import { MemoryError } from './errors.ts'

/**
 * Gives `value` back.
 * @throws MEMORY_ERR_OPTION when it's no number from `least` to `most`.
 */
export function numberOption(name: string, value: number, least: number, most = Number.POSITIVE_INFINITY): number {
  // NaN fails both comparisons.
  if (value >= least && value <= most) return value
  const range = most === Number.POSITIVE_INFINITY ? `at least ${least}` : `${least} to ${most}`
  throw new MemoryError('MEMORY_ERR_OPTION', `${name} is ${value}: give a number, ${range}.`)
}
