// What this process knows about invalidations, and the one question that it answers: may a value that was loaded when the machine's number was `stamp` still be
// served?
//
//     machine map ──sync()──▶ the latest 50,000 subjects, in memory ──isCurrent()──▶ yes / no
//                 ◀───────── older ones are asked for one by one (lastChange)
//
// Invariants
// * After `sync()`, every invalidation that was acknowledged anywhere on the machine before the call is known.
// * A value is current only if none of its subjects (everything, namespace, key, tags, prefixes of the key) was invalidated after its stamp was taken. What has been forgotten
//   counts as invalidated, never as untouched.
import type { MachineMap } from './machine/machine-map.ts'
import { EVERYTHING, keySubject, namespaceSubject, prefixedSubject, type Subject, tagSubject } from './subjects.ts'

const MAX_SUBJECTS = 50_000
const MAX_PREFIXES = 64

interface PrefixChange {
  readonly prefix: string
  readonly sequence: number
}

export class Versions {
  readonly #map: MachineMap
  /** Subject → number of its latest invalidation, oldest first. */
  readonly #subjects = new Map<Subject, number>()
  readonly #prefixes = new Map<string, PrefixChange[]>()
  /** Every invalidation up to here is known. Negative while the map can't be read. */
  applied: number
  /** Goes up when the numbers may have begun anew: stamps of another era say nothing. */
  era = 0
  /** What happened up to here isn't in memory, and has to be asked for. */
  #knownFrom: number

  constructor(map: MachineMap) {
    this.#map = map
    this.applied = -1
    this.#knownFrom = -1
    this.#begin(map.sequence())
  }

  /** With all that the map still tells one by one: what was stamped before this process began is then judged without asking for each subject. */
  #begin(sequence: number): void {
    this.#subjects.clear()
    this.#prefixes.clear()
    this.applied = sequence
    this.#knownFrom = sequence
    if (sequence < 0) return
    // Nothing has this subject, so its answer is the number up to which the map has forgotten.
    const forgotten = this.#map.lastChange('').sequence
    if (!(forgotten < sequence)) return
    this.applied = forgotten
    this.#knownFrom = forgotten
    this.#learn(sequence)
  }

  /** Looks at the machine's number and learns what has changed; the present number, negative when the map can't be read. @hot */
  sync(): number {
    const sequence = this.#map.sequence()
    if (sequence !== this.applied) this.#learn(sequence)
    return this.applied
  }

  #learn(sequence: number): void {
    // Not readable, or another map: what's in memory belongs to numbers that don't go on.
    if (sequence < this.applied || this.applied < 0) {
      this.era++
      this.#begin(sequence)
      return
    }
    while (this.applied < sequence) {
      const changes = this.#map.changesAfter(this.applied)
      if (changes === undefined) return this.#forgetAll(sequence)
      const last = changes.at(-1)
      if (last === undefined) return this.#forgetAll(sequence)
      for (const change of changes) for (const subject of change.subjects) this.#note(subject, change.sequence)
      this.applied = last.sequence
    }
  }

  #forgetAll(sequence: number): void {
    this.#subjects.clear()
    this.#prefixes.clear()
    this.applied = sequence
    this.#knownFrom = sequence
  }

  #note(subject: Subject, sequence: number): void {
    if (subject.startsWith('p')) this.#notePrefix(subject, sequence)
    this.#subjects.delete(subject)
    this.#subjects.set(subject, sequence)
    if (this.#subjects.size > MAX_SUBJECTS) this.#forgetOldest()
  }

  #notePrefix(subject: Subject, sequence: number): void {
    const end = subject.indexOf('\0')
    const namespace = subject.slice(1, end)
    const prefix = subject.slice(end + 1)
    const known = (this.#prefixes.get(namespace) ?? []).filter(change => !change.prefix.startsWith(prefix))
    known.push({ prefix, sequence })
    this.#prefixes.set(namespace, known)
    // More than that costs each hit too much: the whole namespace goes instead.
    if (known.length > MAX_PREFIXES) {
      this.#prefixes.delete(namespace)
      this.#subjects.set(namespaceSubject(namespace), sequence)
    }
  }

  #forgetOldest(): void {
    let left = MAX_SUBJECTS / 2
    for (const [subject, sequence] of this.#subjects) {
      if (left-- === 0) break
      this.#subjects.delete(subject)
      this.#knownFrom = Math.max(this.#knownFrom, sequence)
    }
  }

  /** Whether nothing about this value was invalidated since; by what's known after the latest `sync()`. */
  isCurrent(stamp: number, namespace: string, key: string, tags: readonly string[]): boolean {
    if (stamp === this.applied) return this.applied >= 0
    if (stamp > this.applied || this.applied < 0) return false
    const asked = stamp < this.#knownFrom
    if (this.#changedSince(EVERYTHING, stamp, asked)) return false
    if (this.#changedSince(namespaceSubject(namespace), stamp, asked)) return false
    if (this.#changedSince(keySubject(namespace, key), stamp, asked)) return false
    for (const tag of tags) if (this.#changedSince(tagSubject(tag), stamp, asked)) return false
    for (const change of this.#prefixes.get(namespace) ?? [])
      if (change.sequence > stamp && key.startsWith(change.prefix)) return false
    // Which prefixes were invalidated before this process looked isn't known; whether any was, is.
    return !asked || this.#map.lastChange(prefixedSubject(namespace)).sequence <= stamp
  }

  #changedSince(subject: Subject, stamp: number, asked: boolean): boolean {
    const known = this.#subjects.get(subject)
    if (known !== undefined) return known > stamp
    return asked && this.#map.lastChange(subject).sequence > stamp
  }

  /** The same by places in the log, for values that another machine has loaded. `sincePosition`: from where on this machine knows the log. */
  isCurrentByPosition(
    position: number,
    sincePosition: number,
    namespace: string,
    key: string,
    tags: readonly string[],
  ): boolean {
    if (this.applied < 0 || position < sincePosition) return false
    const untouched = (subject: Subject) => this.#map.lastChange(subject).position < position
    return (
      untouched(EVERYTHING) &&
      untouched(namespaceSubject(namespace)) &&
      untouched(keySubject(namespace, key)) &&
      untouched(prefixedSubject(namespace)) &&
      tags.every(tag => untouched(tagSubject(tag)))
    )
  }
}
