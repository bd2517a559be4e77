// Divides a whole number by weights without losing or adding one: each share ends where the rounded sum of the weights so far lies.

/** As many shares as weights, which are their sum's parts of `total`; together they are `total` exactly. */
export function shares(total: number, weights: readonly number[]): readonly number[] {
  const sum = weights.reduce((sum, weight) => sum + weight, 0)
  let reached = 0
  let given = 0
  return weights.map((weight, index) => {
    reached += weight
    // The last sum is made of the same additions, but isn't left to rounding all the same.
    const until = index === weights.length - 1 ? total : Math.round((reached / sum) * total)
    const share = until - given
    given = until
    return share
  })
}
