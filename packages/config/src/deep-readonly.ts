// Configuration never changes after it was loaded: for the compiler by type, at run time by freezing.

type Opaque =
  | ((...args: never[]) => unknown)
  | Date
  | RegExp
  | URL
  | ReadonlyMap<unknown, unknown>
  | ReadonlySet<unknown>

/** `T` with every key and element read-only, at any depth. */
export type DeepReadonly<T> = T extends Opaque
  ? T
  : T extends readonly (infer E)[]
    ? readonly DeepReadonly<E>[]
    : T extends object
      ? { readonly [K in keyof T]: DeepReadonly<T[K]> }
      : T

/** True for an object literal or what JSON makes; false for arrays and for instances of a class. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** Freezes plain objects and arrays at any depth; an instance that a `fromText` has made is left as it is. Returns its argument. */
export function deepFreeze<T>(value: T): DeepReadonly<T> {
  if (Array.isArray(value) || isPlainObject(value)) {
    for (const inner of Object.values(value)) deepFreeze(inner)
    Object.freeze(value)
  }
  return value as DeepReadonly<T>
}

/** Sets an own key whatever its name: a plain assignment to `__proto__` would change the prototype. */
export function setOwn(target: object, key: string, value: unknown): void {
  Object.defineProperty(target, key, { value, configurable: true, enumerable: true, writable: true })
}
