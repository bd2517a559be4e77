// Values that many callers share are frozen: who changes one by mistake learns it at once, in its own stack trace.

/** Freezes plain objects and arrays at any depth. Instances of classes, maps, sets and buffers can't be, and are left as they are. Returns its argument. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  if (Array.isArray(value)) {
    Object.freeze(value)
    for (const element of value) deepFreeze(element)
  } else if (isPlain(value)) {
    Object.freeze(value)
    for (const key in value) deepFreeze(value[key])
  }
  return value
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
