// Compares what is declared with what is there. Pure: the same catalogue gives the same findings.
import type { DeclaredIndex } from './declared-indexes.ts'
import type { ExistingIndex, Statistics } from './catalogue.ts'

export interface DuplicateIndex {
  readonly index: ExistingIndex
  /** Answers all that the other one can. */
  readonly coveredBy: ExistingIndex
  readonly kind: 'same' | 'prefix'
}

export interface IndexFindings {
  /** Declared and usable. */
  readonly present: readonly DeclaredIndex[]
  readonly missing: readonly DeclaredIndex[]
  /** There, but left invalid by a build that failed. */
  readonly invalid: readonly ExistingIndex[]
  readonly duplicate: readonly DuplicateIndex[]
  /** Never scanned, though the statistics are old enough to tell; none that a constraint needs. */
  readonly unused: readonly ExistingIndex[]
  /** In the database, but in no migration; without those behind constraints. */
  readonly undeclared: readonly ExistingIndex[]
}

/** Statistics that are younger tell nothing of what is used once a week. */
export const UNUSED_AFTER_DAYS = 7

export function compareIndexes(
  declared: readonly DeclaredIndex[],
  existing: readonly ExistingIndex[],
  statistics: Pick<Statistics, 'days'>,
): IndexFindings {
  const names = new Set(declared.map(({ name }) => name))
  const usable = new Map(existing.filter(({ valid }) => valid).map(index => [index.name, index]))
  const there = new Set(existing.map(({ name }) => name))
  return {
    present: declared.filter(({ name }) => usable.has(name)),
    missing: declared.filter(({ name }) => !there.has(name)),
    invalid: existing.filter(({ valid }) => !valid),
    duplicate: existing.flatMap(index => duplicateOf(index, existing) ?? []),
    unused:
      statistics.days < UNUSED_AFTER_DAYS
        ? []
        : existing.filter(({ scans, unique, constraint, valid }) => valid && scans === 0 && !unique && !constraint),
    undeclared: existing.filter(({ name, constraint }) => !constraint && !names.has(name)),
  }
}

/** An index that another one makes needless; never one that keeps rows apart, since that is work of its own. */
function duplicateOf(index: ExistingIndex, existing: readonly ExistingIndex[]): DuplicateIndex | undefined {
  if (index.constraint || index.unique) return undefined
  for (const other of existing) {
    if (other === index || other.table !== index.table || other.method !== index.method) continue
    if (other.condition !== index.condition || !other.valid) continue
    const length = index.keys.length
    if (!index.keys.every((key, place) => other.keys[place] === key)) continue
    const isSame = other.keys.length === length
    // Only of b-trees the first columns alone can be asked; of two that are the same the later name goes.
    if (isSame ? other.unique || other.name < index.name : index.method === 'btree')
      return { index, coveredBy: other, kind: isSame ? 'same' : 'prefix' }
  }
  return undefined
}
