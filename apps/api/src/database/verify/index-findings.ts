// Compares what is declared with what is there. Pure: the same catalogue gives the same findings.
import type { DeclaredIndex } from './declared-indexes.ts'
import type { ExistingIndex } from './catalogue.ts'

export interface DuplicateIndex {
  readonly index: ExistingIndex
  /** Answers all that the other one can. */
  readonly coveredBy: ExistingIndex
  readonly kind: 'same' | 'prefix'
}

export interface DifferentIndex {
  readonly declared: DeclaredIndex
  readonly shouldBe: string
  readonly is: string
}

export interface UnusedIndex {
  readonly index: ExistingIndex
  /** For how long at least it was there and uses were counted; null when nobody knows how old it is. */
  readonly days: number | null
}

export interface IndexFindings {
  /** How many are declared. */
  readonly declared: number
  /** Declared, usable, and as they were declared. */
  readonly present: readonly DeclaredIndex[]
  readonly missing: readonly DeclaredIndex[]
  /** There under the declared name, but something else: other columns, no longer unique, on another table. */
  readonly different: readonly DifferentIndex[]
  /** There, but left invalid by a build that failed. */
  readonly invalid: readonly ExistingIndex[]
  readonly duplicate: readonly DuplicateIndex[]
  /** Never scanned, though index and statistics are old enough to tell, or the index's age isn't known; none that a constraint needs. */
  readonly unused: readonly UnusedIndex[]
  /** In the database, but in no migration; without those behind constraints. */
  readonly undeclared: readonly ExistingIndex[]
}

export interface IndexHistory {
  /** Days for which uses have been counted. */
  readonly statisticsDays: number
  /** Days since each migration was applied, by its file's name. */
  readonly migrationDays: ReadonlyMap<string, number>
}

/** Statistics, or an index, that are younger tell nothing of what is used once a week. */
export const UNUSED_AFTER_DAYS = 7

/** @param definitions what each declared index is, by its name; one that isn't among them is known by its name alone */
export function compareIndexes(
  declared: readonly DeclaredIndex[],
  existing: readonly ExistingIndex[],
  definitions: Readonly<Record<string, string>>,
  history: IndexHistory,
): IndexFindings {
  const names = new Set(declared.map(({ name }) => name))
  const usable = new Map(existing.filter(({ valid }) => valid).map(index => [index.name, index]))
  const there = new Set(existing.map(({ name }) => name))
  const different = declared.flatMap(index => {
    const [shouldBe, is] = [definitions[index.name], usable.get(index.name)?.definition]
    return shouldBe === undefined || is === undefined || is === shouldBe ? [] : { declared: index, shouldBe, is }
  })
  const asDeclared = (index: DeclaredIndex) => different.every(other => other.declared !== index)
  return {
    declared: declared.length,
    present: declared.filter(index => usable.has(index.name) && asDeclared(index)),
    missing: declared.filter(({ name }) => !there.has(name)),
    different,
    invalid: existing.filter(({ valid }) => !valid),
    duplicate: existing.flatMap(index => duplicateOf(index, existing) ?? []),
    unused: unusedAmong(existing, declared, history),
    undeclared: existing.filter(({ name, constraint }) => !constraint && !names.has(name)),
  }
}

/** An index begins with the migration that declares it; when others were made isn't recorded anywhere. */
function unusedAmong(
  existing: readonly ExistingIndex[],
  declared: readonly DeclaredIndex[],
  { statisticsDays, migrationDays }: IndexHistory,
): readonly UnusedIndex[] {
  if (statisticsDays < UNUSED_AFTER_DAYS) return []
  const migrations = new Map(declared.map(({ name, migration }) => [name, migration]))
  return existing.flatMap(index => {
    if (!index.valid || index.scans > 0 || index.unique || index.constraint) return []
    const age = migrationDays.get(migrations.get(index.name) ?? '')
    if (age === undefined) return { index, days: null }
    const days = Math.min(age, statisticsDays)
    return days < UNUSED_AFTER_DAYS ? [] : { index, days }
  })
}

/** An index that another one makes needless; never one that keeps rows apart, since that is work of its own. */
function duplicateOf(index: ExistingIndex, existing: readonly ExistingIndex[]): DuplicateIndex | undefined {
  if (index.constraint || index.unique) return undefined
  for (const other of existing) {
    if (other === index || other.table !== index.table || other.method !== index.method) continue
    if (other.condition !== index.condition || !other.valid) continue
    const length = index.keys.length
    if (!index.keys.every((key, place) => other.keys[place] === key)) continue
    if (!index.columns.slice(length).every(included => other.columns.includes(included))) continue
    const hasSameKeys = other.keys.length === length
    const isSame = hasSameKeys && other.columns.length === index.columns.length
    // Only of b-trees the first columns alone can be asked; of two that are the same the later name goes.
    if (isSame ? other.unique || other.name < index.name : hasSameKeys || index.method === 'btree')
      return { index, coveredBy: other, kind: isSame ? 'same' : 'prefix' }
  }
  return undefined
}
