// Net under a fault of the driver: after a statement that failed in mid-stream, the next result on the connection starts at the failed one's row number, and
// so has holes in front (`length 8, count 5`). Fencing makes it impossible; this looks anyway, because the damage would be silent.

export type ResultCheck = 'sound' | 'repaired' | { readonly length: number; readonly count: number }

/** Looks at rows and count of a result, and removes holes in front in place. */
export function checkResult(result: unknown): ResultCheck {
  if (!Array.isArray(result) || result.length === 0) return 'sound'
  const { length } = result
  const count: unknown = Reflect.get(result, 'count')
  if (typeof count !== 'number' || count === length) return 'sound'
  const surplus = length - count
  if (surplus <= 0) return { length, count }
  for (let i = 0; i < surplus; i++) if (i in result) return { length, count }
  result.splice(0, surplus)
  return 'repaired'
}
