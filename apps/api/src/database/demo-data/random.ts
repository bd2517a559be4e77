// Numbers that look random and are the same on every machine: the demo data depends on nothing else.
//
// sfc32 (Chris Doty-Humphrey), seeded with the SHA-256 of a text: 32-bit integer operations only, so no engine can differ in it. Each table has a
// generator of its own; a change to one leaves the rows of the others as they were.
import { createHash } from 'node:crypto'

export interface Random {
  /** From 0 up to, not including, 1. */
  next(): number
  /** A whole number from `from` to `to`, both included. */
  integer(from: number, to: number): number
  pick<Item>(items: readonly Item[]): Item
  /** The earlier an item stands, the more often: the first hundredth is a tenth of what's picked. */
  pickEarly<Item>(items: readonly Item[]): Item
  /** True in this share of all cases. */
  chance(share: number): boolean
}

export function createRandom(seed: string): Random {
  const digest = createHash('sha256').update(seed).digest()
  let a = digest.readUInt32LE(0)
  let b = digest.readUInt32LE(4)
  let c = digest.readUInt32LE(8)
  let counter = digest.readUInt32LE(12)

  function next(): number {
    const result = (a + b + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + result
    return (result >>> 0) / 2 ** 32
  }
  function integer(from: number, to: number): number {
    return from + Math.floor(next() * (to - from + 1))
  }
  return {
    next,
    integer,
    pick: items => itemAt(items, integer(0, items.length - 1)),
    pickEarly: items => {
      const place = next()
      return itemAt(items, Math.floor(place * place * items.length))
    },
    chance: share => next() < share,
  }
}

function itemAt<Item>(items: readonly Item[], index: number): Item {
  const item = items[index]
  if (item === undefined) throw new RangeError('Nothing to pick from an empty list.')
  return item
}
