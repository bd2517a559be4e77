// What the caches hold. An item says which key it belongs to, so that an answer can be judged.

export interface Item {
  readonly id: number
  readonly name: string
}

/** Distinct keys, a value of a few dozen bytes each. */
const PREFIX = 'course:'

export function keyOf(id: number): string {
  return `${PREFIX}${id}`
}

export function itemOf(key: string): Item {
  return { id: Number(key.slice(PREFIX.length)), name: `the item of ${key}` }
}
