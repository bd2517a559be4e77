// The options of a program: its schema as a tree of groups whose leaves are options, each with its flag, its variables and its default.
//
//   health (group)                      an object without a text form
//     health.intervalMs (option)        everything else: numbers, lists, maps, objects with a `fromText`
//
// Invariants
// * No two options share a flag or a variable, and none takes a name of the program's own flags.
// * A default is valid: it was read as a file's value would be.
import type { TSchema } from 'typebox'
import { deepFreeze, isPlainObject } from './deep-readonly.ts'
import { innerFields } from './describe-shape.ts'
import { type ConfigIssue, throwIssues } from './errors.ts'
import { hasTextForm } from './read-text.ts'
import { readValue } from './read-value.ts'
import { type ObjectShape, type PropertyShape, readShape, schemaIssue, type Shape } from './schema-shape.ts'
import { kebabPath, keyPath } from './value-path.ts'

/** One option. */
export interface ConfigOption {
  readonly kind: 'option'
  readonly key: string
  readonly path: string
  readonly shape: Shape
  /** Name of its flag without the dashes; null when only the file can give it. */
  readonly flag: string | null
  readonly env: readonly string[]
  /** It, or a group around it, is a secret. */
  readonly secret: boolean
  readonly optional: boolean
  /** The default as the author wrote it (`written`) and complete (`value`, frozen); null when there's none. */
  readonly fallback: { readonly written: unknown; readonly value: unknown } | null
}

/** Options under a common key. The root is a group without a key. */
export interface OptionGroup {
  readonly kind: 'group'
  readonly key: string
  readonly path: string
  readonly description: string
  /** It may be absent as a whole: it's there as soon as one of its options is given. */
  readonly optional: boolean
  readonly members: readonly (ConfigOption | OptionGroup)[]
}

/** Flags that every program has. */
export const PROGRAM_FLAGS = {
  config: 'config',
  checkConfig: 'check-config',
  help: 'help',
} as const

/**
 * Reads a program's schema.
 * @throws ConfigError CONFIG_ERR_SCHEMA_INVALID with every mistake in it.
 */
export function readOptionTree(schema: TSchema): OptionGroup {
  const shape = readShape(schema)
  if (shape.kind !== 'object') throwIssues([schemaIssue('', 'a program needs an object of options')])
  const issues: ConfigIssue[] = []
  const root = groupOf(
    shape as ObjectShape,
    { key: '', path: '', optional: false, secret: false, fallback: null },
    issues,
  )
  issues.push(...nameConflicts(root))
  throwIssues(issues)
  return root
}

/** All options below a group, in the order of the schema. */
export function optionsOf(group: OptionGroup): ConfigOption[] {
  return group.members.flatMap(member => (member.kind === 'option' ? [member] : optionsOf(member)))
}

interface Place {
  readonly key: string
  readonly path: string
  readonly optional: boolean
  readonly secret: boolean
  /** Default that a group around has for this key, boxed; it wins over the key's own. */
  readonly fallback: { readonly value: unknown } | null
}

function groupOf(shape: ObjectShape, place: Place, issues: ConfigIssue[]): OptionGroup {
  const { description } = shape.notes
  if (isNamed(shape)) {
    issues.push(
      schemaIssue(place.path, 'a group has no flag and no variable; give it a fromText to make it one option'),
    )
  }
  const fallback = place.fallback ?? shape.notes.fallback
  const defaults = fallback?.value ?? {}
  if (!isPlainObject(defaults)) issues.push(schemaIssue(place.path, 'the default of a group must be an object'))
  const given = isPlainObject(defaults) ? defaults : {}
  for (const key of Object.keys(given)) {
    if (!shape.properties.has(key)) issues.push(schemaIssue(keyPath(place.path, key), 'a default for an unknown key'))
  }
  const members = Array.from(shape.properties, ([key, property]) =>
    memberOf(
      property,
      {
        key,
        path: keyPath(place.path, key),
        optional: property.optional,
        secret: place.secret || shape.notes.secret,
        fallback: Object.hasOwn(given, key) ? { value: given[key] } : null,
      },
      issues,
    ),
  )
  // A default makes an optional group present.
  return {
    kind: 'group',
    key: place.key,
    path: place.path,
    description,
    optional: place.optional && !fallback,
    members,
  }
}

function memberOf({ shape }: PropertyShape, place: Place, issues: ConfigIssue[]): ConfigOption | OptionGroup {
  if (shape.kind === 'object' && !shape.notes.fromText) return groupOf(shape, place, issues)
  const { key, path, optional } = place
  const textForm = hasTextForm(shape)
  if (isNamed(shape) && !textForm)
    issues.push(schemaIssue(path, 'a flag or a variable needs a text form; give it a fromText'))
  for (const field of innerFields(shape, path)) {
    if (isNamed(field.shape)) issues.push(schemaIssue(field.path, 'a key inside a value has no flag and no variable'))
  }
  if (shape.kind === 'array' && isNamed(shape.items)) {
    issues.push(schemaIssue(`${path}[]`, 'a key inside a value has no flag and no variable; name the list itself'))
  }
  const fallback = place.fallback ?? shape.notes.fallback
  const option: ConfigOption = {
    kind: 'option',
    key,
    path,
    shape,
    flag: textForm ? (shape.notes.flag ?? kebabPath(path)) : null,
    env: shape.notes.env,
    secret: place.secret || shape.notes.secret,
    optional,
    fallback: fallback && { written: fallback.value, value: readDefault(shape, path, fallback.value, issues) },
  }
  return option
}

const isNamed = ({ notes }: Shape): boolean => notes.flag !== null || notes.env.length > 0

function readDefault(shape: Shape, path: string, value: unknown, issues: ConfigIssue[]): unknown {
  const result = readValue(shape, value, {
    path,
    secret: false,
    report: problem => void issues.push(schemaIssue(problem.path, `the default: ${problem.message}`)),
  })
  return deepFreeze(result)
}

function nameConflicts(root: OptionGroup): ConfigIssue[] {
  const issues: ConfigIssue[] = []
  const flags = new Map<string, string>(Object.values(PROGRAM_FLAGS).map(flag => [flag, 'every program']))
  const variables = new Map<string, string>()
  const take = (names: Map<string, string>, name: string, path: string, what: string) => {
    const owner = names.get(name)
    if (owner !== undefined) issues.push(schemaIssue(path, `${what} ${name} is taken by ${owner}`))
    names.set(name, path)
  }
  for (const option of optionsOf(root)) {
    for (const name of option.env) take(variables, name, option.path, 'the variable')
    if (option.flag === null) continue
    take(flags, option.flag, option.path, 'the flag')
    if (isNegatable(option)) take(flags, `no-${option.flag}`, option.path, 'the flag')
  }
  return issues
}

/** `--no-x` exists: false for a boolean, the empty list for a list. */
export function isNegatable(option: ConfigOption): boolean {
  return option.shape.kind === 'boolean' || option.shape.kind === 'array'
}
