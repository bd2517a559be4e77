// The option table of a README, made from the schema so that the two can't disagree.
import type { TSchema } from 'typebox'
import { innerFields, meaningText, rangeText } from './describe-shape.ts'
import { code, markdownTable } from './markdown-table.ts'
import { type ConfigOption, optionsOf, readOptionTree } from './option-tree.ts'
import { type ConfigIssue, throwIssues } from './errors.ts'
import { shownDefault } from './render-help.ts'
import { type Shape, schemaIssue } from './schema-shape.ts'

const HEADER = ['option', 'flag / environment', 'unit', 'default', 'range', 'meaning']

/**
 * Renders a Markdown table, one row per option and per key inside an option's value, in the order of the schema.
 * @throws ConfigError CONFIG_ERR_SCHEMA_INVALID also when an option has no description: a table that says nothing helps nobody
 */
export function renderOptionTable(schema: TSchema): string {
  const options = optionsOf(readOptionTree(schema))
  throwIssues(options.flatMap(undescribed))
  return markdownTable(HEADER, options.flatMap(optionRows))
}

function undescribed({ path, shape }: ConfigOption): ConfigIssue[] {
  return [{ path, shape }, ...innerFields(shape, path)]
    .filter(field => field.shape.notes.description === '')
    .map(field => schemaIssue(field.path, 'has no description; say in a sentence what it means'))
}

function optionRows(option: ConfigOption): string[][] {
  const { shape, path } = option
  const fallback = option.fallback && shownDefault(option.fallback.written, option.secret)
  return [
    [
      code(path),
      namesText(option),
      shape.notes.unit,
      defaultCell(fallback, option.optional),
      range(shape),
      meaningText(shape),
    ],
    ...innerFields(shape, path).map(field => {
      const { fallback: written, secret, unit } = field.shape.notes
      const fieldFallback = written && shownDefault(written.value, option.secret || secret)
      return [
        code(field.path),
        'inside the value',
        unit,
        defaultCell(fieldFallback, field.optional),
        range(field.shape),
        meaningText(field.shape),
      ]
    }),
  ]
}

function namesText({ flag, env, shape }: ConfigOption): string {
  const dashed = flag === null ? 'only in the file' : code(`--${shape.kind === 'boolean' ? '[no-]' : ''}${flag}`)
  return [dashed, ...env.map(code)].join(', ')
}

function defaultCell(fallback: string | null, optional: boolean): string {
  if (fallback === null) return optional ? 'not set' : 'required'
  return fallback === 'empty' || fallback === 'none' ? fallback : code(fallback)
}

/** A pattern is code; so is each word of a closed set, in the way that it is typed. */
function range(shape: Shape): string {
  if (shape.kind === 'oneOf') return shape.values.map(value => code(String(value))).join(', ')
  const text = rangeText(shape)
  return shape.kind === 'string' && shape.pattern ? code(text) : text
}
