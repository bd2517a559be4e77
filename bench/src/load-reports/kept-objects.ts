// Memory that lives: small objects, which a major collection has to visit one by one. What makes it long is their number, not their bytes.

interface Kept {
  readonly number: number
  readonly text: string | null
}

/** What V8 takes for one Kept, map, properties, elements and two fields, and for its place in a list. */
const BYTES_PER_OBJECT = 48
/** Small enough that no list is a large object of its own. */
const OBJECTS_PER_LIST = 5000

/** As many objects as take so many MiB, in lists. */
export function keepObjects(mib: number): readonly (readonly Kept[])[] {
  const lists = Math.ceil((mib * 1024 * 1024) / (BYTES_PER_OBJECT * OBJECTS_PER_LIST))
  return Array.from({ length: lists }, () =>
    Array.from({ length: OBJECTS_PER_LIST }, (_, number) => ({ number, text: null })),
  )
}
