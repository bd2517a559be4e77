// The loops that are timed. They do as little as they can beside the reads: the keys stand in their order in an array, and of the answers the numbers are summed up,
// which tells whether they were right without a comparison per read.
//
// Every few reads the event loop gets its turn, as in a service, where reads come from sockets: some caches read the clock once per turn or per ms, which a loop without
// turns would give them for nothing.
import type { Item } from './items.ts'

export interface Reading {
  /** Read over and over. */
  readonly keys: readonly string[]
  readonly reads: number
  readonly readsPerTurn: number
}

/** The sum of the items' numbers. */
export async function readAwaited(
  get: (key: string) => Promise<Item | undefined>,
  { keys, reads, readsPerTurn }: Reading,
): Promise<number> {
  let sum = 0
  let at = 0
  for (let left = reads; left > 0; left -= readsPerTurn) {
    for (let turn = Math.min(left, readsPerTurn); turn > 0; turn--) {
      const item = await get(keys[at] as string)
      sum += item === undefined ? Number.NaN : item.id
      if (++at === keys.length) at = 0
    }
    await nextTurn()
  }
  return sum
}

/** The sum of the items' numbers. */
export async function readAtOnce(
  get: (key: string) => Item | undefined,
  { keys, reads, readsPerTurn }: Reading,
): Promise<number> {
  let sum = 0
  let at = 0
  for (let left = reads; left > 0; left -= readsPerTurn) {
    for (let turn = Math.min(left, readsPerTurn); turn > 0; turn--) {
      const item = get(keys[at] as string)
      sum += item === undefined ? Number.NaN : item.id
      if (++at === keys.length) at = 0
    }
    await nextTurn()
  }
  return sum
}

/** One key after the other that isn't there, each asked for by several at once. @throws Error when they don't all get its item */
export async function missTogether(
  get: (key: string) => Promise<Item | undefined>,
  keys: readonly string[],
  callers: number,
): Promise<void> {
  for (const key of keys) {
    const answers: Promise<Item | undefined>[] = []
    for (let caller = 0; caller < callers; caller++) answers.push(get(key))
    const items = await Promise.all(answers)
    const [first] = items
    if (first === undefined || !items.every(item => item?.id === first.id))
      throw new Error(`${key} was asked for, and the answers were ${JSON.stringify(items)}`)
  }
}

function nextTurn(): Promise<void> {
  return new Promise(resolve => {
    setImmediate(resolve)
  })
}
