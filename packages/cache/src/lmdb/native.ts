// The part of lmdb that this package uses, with the two things that its types don't tell.
//
// Reading what another process has committed needs a fresh snapshot for each read. The documented way (`resetReadTxn`) starts a timer for each renewed snapshot:
// 4 µs per read in a loop, and as many timers. `ReadView` has a read transaction of its own and resets it after each read by the same native call that lmdb makes,
// which also keeps an idle process from holding on to old pages: 0.4-0.6 µs.
import * as lmdb from 'lmdb'
import type { Database, RootDatabase, RootDatabaseOptions } from 'lmdb'

/** Values are bytes. */
export type Table<K extends string | number = string> = Database<Uint8Array, K>
export type Root = RootDatabase<Uint8Array, string>

interface NativeReads {
  resetTxn(address: number): void
}

/** Options that exist and that lmdb's types leave out. */
interface OpenOptions extends RootDatabaseOptions {
  readonly path: string
  readonly permissionsMode: number
}

interface RootWithInfo {
  readonly env: { info(): { readonly mapSize: number; readonly lastPageNumber: number } }
}

export const PAGE_BYTES = 4096

/** @throws the native error when the folder can't be opened as a map */
export function openRoot(options: OpenOptions): Root {
  return lmdb.open<Uint8Array, string>(options)
}

/** How long the file is, in bytes; it never shrinks. */
export function fileBytes(root: Root): number {
  const { lastPageNumber } = (root as unknown as RootWithInfo).env.info()
  return (lastPageNumber + 1) * PAGE_BYTES
}

/** Reads that see the latest commit of any process. Ended before its environment is closed. @hot */
export class ReadView {
  readonly #native: NativeReads
  readonly #options: { transaction: lmdb.Transaction }
  #address: number

  constructor(root: Root) {
    const { nativeAddon } = lmdb as unknown as { nativeAddon: NativeReads }
    const transaction = root.useReadTransaction()
    this.#native = nativeAddon
    this.#options = { transaction }
    this.#address = (transaction as unknown as { address: number }).address
    this.#native.resetTxn(this.#address)
  }

  /**
   * Valid until the next read of any kind. It's one large buffer with a `length` of its own: only what's asked for within that length belongs to the value, so
   * `toString`, `copy` and `subarray` are given their end.
   */
  get<K extends string | number>(table: Table<K>, key: K): Buffer | undefined {
    const bytes = this.getKept(table, key)
    this.end()
    return bytes
  }

  /** The same, and the snapshot stays for the next read until `end()`. */
  getKept<K extends string | number>(table: Table<K>, key: K): Buffer | undefined {
    if (this.#address === 0) return undefined
    return table.getBinaryFast(key, this.#options)
  }

  end(): void {
    if (this.#address !== 0) this.#native.resetTxn(this.#address)
  }

  /** No read is made afterwards: the address points nowhere then. */
  close(): void {
    this.#address = 0
    this.#options.transaction.done()
  }
}

declare module 'lmdb' {
  interface Database<V, K> {
    getBinaryFast(id: K, options?: { transaction: lmdb.Transaction }): Buffer | undefined
  }
}
