// "Did you mean ...?": the known name that someone who mistyped most likely meant.

/** What stays of a name when spelling habits are taken off: `--health.intervalMs` and `health_interval-ms` are one. */
const letters = (name: string) => name.toLowerCase().replace(/[^a-z0-9]/g, '')

/**
 * The known name nearest to `wanted`, or null when none is near enough to be worth a guess. In this order: the same letters in another
 * spelling; the only one that ends in it (`interval-ms` → `health.interval-ms`); the fewest typing mistakes, at most a third of its letters.
 */
export function nearestName(wanted: string, known: Iterable<string>): string | null {
  const target = letters(wanted)
  if (target === '') return null
  const endings: string[] = []
  let best: string | null = null
  let fewest = Math.min(4, Math.floor(target.length / 3)) + 1
  for (const name of known) {
    const candidate = letters(name)
    if (candidate === target) return name
    if (name.includes('.') && letters(name.slice(name.lastIndexOf('.') + 1)) === target) endings.push(name)
    const mistakes = typingMistakes(target, candidate)
    if (mistakes < fewest) {
      fewest = mistakes
      best = name
    }
  }
  return endings.length === 1 ? (endings[0] ?? null) : best
}

/** Letters added, left out, changed or swapped with their neighbour (optimal string alignment distance). */
function typingMistakes(a: string, b: string): number {
  let beforePrevious: number[] = []
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const current = [i]
    for (let j = 1; j <= b.length; j++) {
      let cost = Math.min(
        cell(previous, j) + 1,
        cell(current, j - 1) + 1,
        cell(previous, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1),
      )
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, cell(beforePrevious, j - 2) + 1)
      }
      current.push(cost)
    }
    beforePrevious = previous
    previous = current
  }
  return cell(previous, b.length)
}

const cell = (row: readonly number[], index: number): number => row[index] ?? Number.POSITIVE_INFINITY
