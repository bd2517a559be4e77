// Whatever a schema can hold comes back the same, from whichever source it was given.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import type { TObject } from 'typebox'
import { loadConfig } from '@plimsoll/config'
import { hasTextForm } from '../src/read-text.ts'
import { type ConfigOption, optionsOf, readOptionTree } from '../src/option-tree.ts'
import { programCase } from './random-schema.ts'

const NAME = 'round-trip'
const withValue = programCase.chain(({ schema, value }) => fc.tuple(fc.constant(schema as TObject), value))

const valueAt = (config: unknown, option: ConfigOption): unknown =>
  option.path.split('.').reduce<unknown>((inner, key) => (inner as Record<string, unknown> | undefined)?.[key], config)

const asText = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))

/** An option's value as words of a command line. */
function flagWords(option: ConfigOption, value: unknown, joined: boolean): string[] {
  const name = `--${option.flag}`
  if (Array.isArray(value)) {
    return value.length === 0 ? [`--no-${option.flag}`] : value.flatMap(element => [`${name}=${asText(element)}`])
  }
  if (typeof value === 'boolean') return [value ? name : `--no-${option.flag}`]
  const text = asText(value)
  return joined || text.startsWith('--') ? [`${name}=${text}`] : [name, text]
}

await t.test('a configuration written as a file comes back equal, and frozen', async t => {
  const property = fc.property(withValue, fc.constantFrom(0, 2), ([schema, value], indent) => {
    const loaded = loadConfig(
      { name: NAME, schema },
      { env: {}, argv: ['--config', 'f'], readFile: () => JSON.stringify(value, null, indent) },
    )
    assert(loaded.kind === 'run')
    const expected = withDefaults(schema, value)
    assert.deepEqual(JSON.parse(JSON.stringify(loaded.config)), JSON.parse(JSON.stringify(expected)))
    assert(Object.isFrozen(loaded.config))
  })
  t.doesNotThrow(() => fc.assert(property, { numRuns: 60 }))
})

await t.test('a configuration spread over flags, environment and file comes back equal', async t => {
  const property = fc.property(withValue, fc.infiniteStream(fc.nat(5)), ([schema, value], choices) => {
    const argv: string[] = ['--config', 'f']
    const env: Record<string, string> = {}
    const named = withVariables(schema)
    const file = structuredClone(value) as Record<string, unknown>
    const expectedSources = new Map<string, string>()
    for (const option of optionsOf(readOptionTree(named))) {
      const given = valueAt(value, option)
      if (given === undefined) {
        if (option.fallback) expectedSources.set(option.path, 'default')
        continue
      }
      const choice = choices.next().value ?? 0
      if (choice <= 2 && hasTextForm(option.shape)) {
        argv.push(...flagWords(option, given, choice === 0))
        expectedSources.set(option.path, 'flag')
      } else if (choice <= 4 && option.env[0] && given !== '') {
        env[option.env[0]] = asText(given)
        expectedSources.set(option.path, 'env')
      } else {
        expectedSources.set(option.path, 'file')
        continue
      }
      // Half of what a stronger source gives is in the file too, where it must lose to it.
      if (choice % 2 === 0) continue
      const parent = option.path
        .split('.')
        .slice(0, -1)
        .reduce((inner, key) => inner[key] as Record<string, unknown>, file)
      Reflect.deleteProperty(parent, option.key)
    }
    const loaded = loadConfig({ name: NAME, schema: named }, { env, argv, readFile: () => JSON.stringify(file) })
    assert(loaded.kind === 'run')
    assert.deepEqual(JSON.parse(JSON.stringify(loaded.config)), JSON.parse(JSON.stringify(withDefaults(schema, value))))
    assert.deepEqual(new Map(loaded.sources), expectedSources)
  })
  t.doesNotThrow(() => fc.assert(property, { numRuns: 60 }))
})

/** The value with the defaults of the keys that it doesn't have; written apart from the code under test. */
function withDefaults(schema: TObject, value: unknown): object {
  const result: Record<string, unknown> = { ...(value as object) }
  for (const [key, member] of Object.entries(schema.properties) as [string, Record<string, unknown>][]) {
    if ('properties' in member) result[key] = withDefaults(member as unknown as TObject, result[key])
    else if (!(key in result) && 'default' in member) result[key] = member['default']
  }
  return result
}

/** The schema with an environment variable for every single value. */
function withVariables(schema: TObject, prefix = 'V'): TObject {
  const properties = Object.fromEntries(
    (Object.entries(schema.properties) as [string, Record<string, unknown>][]).map(([key, member]) => {
      const name = `${prefix}_${key}`
      if ('properties' in member) return [key, withVariables(member as unknown as TObject, name)]
      return [key, 'items' in member ? member : { ...member, env: name }]
    }),
  )
  return { ...schema, properties }
}
