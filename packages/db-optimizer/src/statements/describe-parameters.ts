// Parameters as a log may have them: kind and size, never a value.

export interface ParameterDescription {
  readonly type: 'null' | 'string' | 'number' | 'bigint' | 'boolean' | 'date' | 'bytes' | 'list' | 'object' | 'other'
  /** Characters of a string, bytes of bytes, elements of a list; absent for the rest. */
  readonly size?: number
}

/** More aren't described one by one. */
const MAX_DESCRIBED = 50

/** Describes the first 50; reads no property of an object. */
export function describeParameters(parameters: readonly unknown[]): ParameterDescription[] {
  return parameters.slice(0, MAX_DESCRIBED).map(describe)
}

function describe(value: unknown): ParameterDescription {
  if (value === null || value === undefined) return { type: 'null' }
  if (typeof value === 'string') return { type: 'string', size: value.length }
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean')
    return { type: typeof value as 'number' }
  if (Array.isArray(value)) return { type: 'list', size: value.length }
  if (value instanceof Uint8Array) return { type: 'bytes', size: value.byteLength }
  if (value instanceof Date) return { type: 'date' }
  return { type: typeof value === 'object' ? 'object' : 'other' }
}
