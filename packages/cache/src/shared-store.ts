// The tiers outside of this process, seen from one namespace: the machine's, which answers at once, and the far one, which is asked for many keys at a time.
//
// Invariant: nothing leaves here that was invalidated before the latest `contact.look()`, that is of another build's shape, or that can't be read.
import type { Contact } from './contact.ts'
import type { TierLimits } from './options.ts'
import { decodeEntry, encodeEntry, type EntryForm, type EntryHead, type StoredEntry } from './stored-entry.ts'
import type { LocalTier, RemoteTier, StoredBytes } from './tiers/tier.ts'
import type { EncodedValue } from './value-codec.ts'

/** A value of a shared tier, and what's left of its times. */
export interface Found {
  readonly tier: 'machine' | 'far'
  readonly value: unknown
  readonly tags: readonly string[]
  /** This machine's number for it; what it was checked against when another machine has loaded it. */
  readonly stamp: number
  readonly ageMs: number
  /** Negative: stale for so long. */
  readonly freshLeftMs: number
  readonly staleLeftMs: number
  readonly loadMs: number
  readonly bytes: number
}

/** What the store has to know of its namespace. */
export interface StoreSettings {
  readonly name: string
  readonly machine: TierLimits | undefined
  readonly far: TierLimits | undefined
  readonly singleFlight: 'process' | 'machine' | 'cluster'
}

export interface SharedTiers {
  readonly machine: LocalTier | undefined
  readonly far: LocalTier | RemoteTier | undefined
}

export class SharedStore {
  readonly #settings: StoreSettings
  /** Of the namespace's shape and the build. */
  readonly #epochHash: number
  readonly #contact: Contact
  readonly #machine: LocalTier | undefined
  readonly #far: LocalTier | RemoteTier | undefined

  constructor(settings: StoreSettings, tiers: SharedTiers, epochHash: number, contact: Contact) {
    this.#settings = settings
    this.#epochHash = epochHash
    this.#contact = contact
    this.#machine = settings.machine && tiers.machine
    this.#far = settings.far && tiers.far
    if (settings.machine) this.#machine?.limit(settings.name, settings.machine.maxEntries)
    if (settings.far) this.#far?.limit(settings.name, settings.far.maxEntries)
  }

  #form(): EntryForm {
    return { epochHash: this.#epochHash, machine: this.#contact.machine }
  }

  get hasMachine(): boolean {
    return this.#machine !== undefined
  }

  get hasFar(): boolean {
    return this.#far !== undefined
  }

  get hasAny(): boolean {
    return this.hasMachine || this.hasFar
  }

  /** From the machine's tier. */
  read(key: string): Found | undefined {
    const stored = this.#machine?.get(this.#settings.name, key)
    return stored && this.#judge('machine', key, stored)
  }

  /** From the far tier, in the order of the keys. */
  async readFar(keys: readonly string[]): Promise<readonly (Found | undefined)[]> {
    const far = this.#far
    if (far === undefined) return keys.map(() => undefined)
    const { name } = this.#settings
    const stored = 'getMany' in far ? await far.getMany(name, keys) : keys.map(key => far.get(name, key))
    return stored.map((bytes, index) => bytes && this.#judge('far', keys[index] ?? '', bytes))
  }

  #judge(tier: Found['tier'], key: string, { bytes, leftMs }: StoredBytes): Found | undefined {
    const entry = decodeEntry(this.#form(), bytes)
    if (entry === undefined || !this.#isCurrent(entry, key)) return undefined
    let value: unknown
    try {
      value = entry.value()
    } catch {
      return undefined
    }
    const ageMs = Math.max(0, entry.lifeMs - leftMs)
    return {
      tier,
      value,
      tags: entry.tags,
      stamp: entry.sameMachine ? entry.stamp : this.#contact.applied,
      ageMs,
      freshLeftMs: entry.freshMs - ageMs,
      staleLeftMs: entry.freshMs + entry.staleMs - ageMs,
      loadMs: entry.loadMs,
      bytes: bytes.byteLength,
    }
  }

  #isCurrent(entry: StoredEntry, key: string): boolean {
    const { versions, applied, sincePosition } = this.#contact
    if (applied < 0) return false
    const { name } = this.#settings
    if (entry.sameMachine) return versions.isCurrent(entry.stamp, name, key, entry.tags)
    // Another machine's, or from before this machine's numbers began: without a log there's nothing to judge it by.
    if (entry.position === 0) return false
    return versions.isCurrentByPosition(entry.position, sincePosition, name, key, entry.tags)
  }

  /** Into both tiers; resolves when the processes of this machine can see it. What a tier can't keep is a miss later. */
  async write(key: string, head: Omit<EntryHead, 'lifeMs'>, value: EncodedValue, keepMs: number): Promise<void> {
    const { name, machine, far } = this.#settings
    if (machine && this.#machine) {
      const lifeMs = Math.min(keepMs, machine.ttlMs)
      await this.#machine.set(name, key, encodeEntry(this.#form(), { ...head, lifeMs }, value), lifeMs)
    }
    if (!far || !this.#far) return
    const lifeMs = Math.min(keepMs, far.ttlMs)
    const bytes = encodeEntry(this.#form(), { ...head, lifeMs }, value)
    const kept =
      'setMany' in this.#far
        ? this.#far.setMany(name, [{ key, bytes, lifeMs }])
        : this.#far.set(name, key, bytes, lifeMs)
    // It's there for later, and nobody waits for it, unless other machines wait for the lease under which it was loaded.
    if (this.#settings.singleFlight === 'cluster') await kept
  }

  /** Gives the space back; that the value isn't served any more is the invalidation's doing. */
  forget(keys: readonly string[]): void {
    const { name } = this.#settings
    for (const key of keys) void this.#machine?.delete(name, key)
    if (this.#far === undefined) return
    if ('deleteMany' in this.#far) void this.#far.deleteMany(name, keys)
    else for (const key of keys) void this.#far.delete(name, key)
  }

  forgetAll(): void {
    void this.#machine?.clear(this.#settings.name)
    void this.#far?.clear(this.#settings.name)
  }
}
