// The part of TypeBox's `Type` that options need, without loading TypeBox.
//
// Importing `typebox` evaluates some three hundred modules, which costs a process a tenth of a second and more at its start. A schema is
// plain data, so these functions build the same data (a test compares them with TypeBox's own, hidden keys included) and borrow only the
// types. Names and parameters are TypeBox's: `import { option as Type } from '@plimsoll/config'` is the whole change.
import type {
  TAddOptional,
  TArray,
  TArrayOptions,
  TBoolean,
  TEnum,
  TEnumValue,
  TInteger,
  TLiteral,
  TLiteralValue,
  TNull,
  TNumber,
  TNumberOptions,
  TObject,
  TObjectOptions,
  TProperties,
  TRecord,
  TSchema,
  TSchemaOptions,
  TString,
  TStringKey,
  TStringOptions,
  TUnion,
  TUnknown,
  TUnsafe,
} from 'typebox'
import type { OptionAnnotations } from './annotations.ts'

/** Defines a key as TypeBox does: there, and not among the enumerable ones, so that the schema prints as JSON Schema. */
function hide(schema: object, key: '~kind' | '~optional' | '~unsafe', value: unknown): object {
  return Object.defineProperty(schema, key, { configurable: true, writable: true, enumerable: false, value })
}

// The type comes from where it's called: TypeBox's own signature stands there.
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters
function create<T extends TSchema>(kind: string, schema: object, options: object | undefined): T {
  return hide({ ...schema, ...options }, '~kind', kind) as T
}

/** A copy with its hidden keys. */
function copy(schema: TSchema): object {
  return Object.defineProperties({}, Object.getOwnPropertyDescriptors(schema))
}

const isOptional = (schema: TSchema) => '~optional' in schema

/** Builders of option schemas, named as in TypeBox, with the annotations type-checked. */
export const option = {
  /** Several options under one key. */
  Object<P extends TProperties>(properties: P, options?: TObjectOptions & OptionAnnotations): TObject<P> {
    const required = Object.keys(properties).filter(key => !isOptional(properties[key] as TSchema))
    return create('Object', { type: 'object', ...(required.length > 0 ? { required } : {}), properties }, options)
  },
  /** A map from free names to values of one type; only the file can hold one, unless it has a `fromText`. */
  Record<V extends TSchema>(
    _key: TString,
    value: V,
    options?: TObjectOptions & OptionAnnotations,
  ): TRecord<TStringKey, V> {
    return create('Record', { type: 'object', patternProperties: { '^.*$': value } }, options)
  },
  /** A list: its flag is given once per element. */
  Array<I extends TSchema>(items: I, options?: TArrayOptions & OptionAnnotations): TArray<I> {
    return create('Array', { type: 'array', items }, options)
  },
  String(options?: TStringOptions & OptionAnnotations): TString {
    return create('String', { type: 'string' }, options)
  },
  /** A number with or without decimals. */
  Number(options?: TNumberOptions & OptionAnnotations): TNumber {
    return create('Number', { type: 'number' }, options)
  },
  /** A whole number. */
  Integer(options?: TNumberOptions & OptionAnnotations): TInteger {
    return create('Integer', { type: 'integer' }, options)
  },
  Boolean(options?: TSchemaOptions & OptionAnnotations): TBoolean {
    return create('Boolean', { type: 'boolean' }, options)
  },
  Null(options?: TSchemaOptions & OptionAnnotations): TNull {
    return create('Null', { type: 'null' }, options)
  },
  /** One fixed value. */
  Literal<V extends TLiteralValue>(value: V, options?: TSchemaOptions & OptionAnnotations): TLiteral<V> {
    return create('Literal', { type: typeof value, const: value }, options)
  },
  /** One of several words or numbers. */
  Enum<V extends TEnumValue[]>(values: readonly [...V], options?: TSchemaOptions & OptionAnnotations): TEnum<V> {
    return create('Enum', { enum: values }, options)
  },
  /** One of several types: `Union([Integer(), Literal('auto')])`. */
  Union<T extends TSchema[]>(anyOf: [...T], options?: TSchemaOptions & OptionAnnotations): TUnion<T> {
    return create('Union', { anyOf }, options)
  },
  /** A key that may be absent. With a default it never is. */
  Optional<T extends TSchema>(schema: T): TAddOptional<T> {
    return hide(copy(schema), '~optional', true) as TAddOptional<T>
  },
  /** Anything at all. */
  Unknown(options?: TSchemaOptions & OptionAnnotations): TUnknown {
    return create('Unknown', {}, options)
  },
  /** A schema whose TypeScript type is stated by hand. */
  Unsafe<T>(schema: TSchema): TUnsafe<T> {
    return hide(copy(schema), '~unsafe', null) as TUnsafe<T>
  },
} as const
