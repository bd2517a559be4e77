// Figures that are measured carry noise beyond their third decimal; pages don't show it.

/** To three decimals. */
export function thousandths(value: number): number {
  return Math.round(value * 1000) / 1000
}
