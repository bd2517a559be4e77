// The text of --help: every option with its flag, variable, unit, range, default and meaning, at most 100 columns wide.
//
//   health
//     --health.interval-ms <ms>
//         Time between two checks of an endpoint.
//         Default 2000; from 10 to 3600000; in ms; environment HEALTH_INTERVAL_MS.
import type { TObject } from 'typebox'
import { defaultText, innerFields, meaningText, rangeText, typeName } from './describe-shape.ts'
import { type ConfigOption, type OptionGroup, readOptionTree } from './option-tree.ts'
import { REDACTED, redactText } from './redact-text.ts'
import type { Shape } from './schema-shape.ts'

/** What the help text needs of a program; see ConfigProgram. */
export interface HelpProgram {
  readonly name: string
  readonly usage?: string
  readonly operands?: string
  readonly schema: TObject
}

const MAX_COLUMNS = 100
const OPTION_INDENT = 2
const TEXT_INDENT = 6

/**
 * Renders the help text; it ends in a line feed.
 * @throws ConfigError CONFIG_ERR_SCHEMA_INVALID
 */
export function renderHelp(program: HelpProgram): string {
  const operands = program.operands === undefined ? '' : ` ${program.operands}`
  const blocks = [
    usageLines(program.usage ?? `${program.name} [options]${operands}`),
    [
      ...wrap('Of an option given in several places counts: flag, else environment, else file, else default.', 0),
      ...wrap('A switch is given as --x, --x=false or --no-x, a list by one flag per element or --no-x for none.', 0),
      ...wrap('An environment variable that is empty counts as not set.', 0),
    ],
    ...groupBlocks(readOptionTree(program.schema)),
    [
      'Every program',
      ...entry('--config <file>', ['JSON file of options, nested where their names have dots.']),
      ...entry('--check-config', ['Checks the configuration, says so and ends.']),
      ...entry('--help, -h', ['Shows this text.']),
    ],
  ]
  return `${blocks.map(lines => lines.join('\n')).join('\n\n')}\n`
}

/** The default of an option in words; that of a secret stays unseen. */
export function shownDefault(written: unknown, secret: boolean): string {
  const text = defaultText(written)
  if (text === 'empty' || text === 'none') return text
  return secret ? REDACTED : redactText(text)
}

/** Several calls stand on lines of their own. */
function usageLines(usage: string): string[] {
  const [first = '', ...others] = usage.trim().split('\n')
  const indent = 'Usage: '.length
  return [...wrap(`Usage: ${first}`, 0, indent), ...others.flatMap(line => wrap(line, indent))]
}

function groupBlocks(group: OptionGroup): string[][] {
  const options = group.members.filter(member => member.kind === 'option')
  const heading = group.path === '' ? 'Options' : group.path
  const title = group.description === '' ? heading : `${heading}: ${group.description}`
  const own = options.length === 0 ? [] : [[...wrap(title, 0), ...options.flatMap(optionEntry)]]
  return [...own, ...group.members.flatMap(member => (member.kind === 'group' ? groupBlocks(member) : []))]
}

function optionEntry(option: ConfigOption): string[] {
  const { shape } = option
  const fallback = option.fallback && shownDefault(option.fallback.written, option.secret)
  const facts = factsText(shape, fallback, option.optional, option.env)
  const fields = innerFields(shape, '').map(field => {
    const written = field.shape.notes.fallback
    const secret = option.secret || field.shape.notes.secret
    const fieldFallback = written && shownDefault(written.value, secret)
    const name = field.path.replace(/^(?:\[\])*\.?/, '')
    return `${name}: ${meaningText(field.shape)} ${factsText(field.shape, fieldFallback, field.optional, [])}`
  })
  const paragraphs = [meaningText(shape), facts, ...(fields.length > 0 ? ['Keys in the file:', ...fields] : [])]
  return entry(heading(option), paragraphs)
}

function heading({ flag, path, shape }: ConfigOption): string {
  if (flag === null) return `${path} (only in the file)`
  if (shape.kind === 'boolean') return `--[no-]${flag}`
  return `--${flag} <${typeName(shape)}>${shape.kind === 'array' ? ' ...' : ''}`
}

function factsText(shape: Shape, fallback: string | null, optional: boolean, env: readonly string[]): string {
  // What stands between < and > isn't said again.
  const range = rangeText(shape)
  const isShown = range === '' || shape.kind === 'boolean' || (shape.kind === 'oneOf' && typeName(shape) !== 'name')
  const facts = [
    fallback === null ? (optional ? 'not set by default' : 'required') : `default ${fallback}`,
    ...(isShown ? [] : [range]),
    ...(shape.notes.unit === '' ? [] : [`in ${shape.notes.unit}`]),
    ...(env.length > 0 ? [`environment ${env.join(', ')}`] : []),
  ].join('; ')
  return `${facts.charAt(0).toUpperCase()}${facts.slice(1)}.`
}

function entry(heading: string, paragraphs: readonly string[]): string[] {
  const texts = paragraphs.filter(paragraph => paragraph !== '')
  return [...wrap(heading, OPTION_INDENT, TEXT_INDENT), ...texts.flatMap(text => wrap(text, TEXT_INDENT))]
}

/** Breaks a text at spaces; a single word longer than a line stays whole, since half an address helps nobody. */
function wrap(text: string, indent: number, hanging = indent): string[] {
  const lines: string[] = []
  let line = ' '.repeat(indent)
  let isEmpty = true
  for (const word of text.trim().split(/\s+/)) {
    if (!isEmpty && line.length + 1 + word.length > MAX_COLUMNS) {
      lines.push(line)
      line = ' '.repeat(hanging)
      isEmpty = true
    }
    line += isEmpty ? word : ` ${word}`
    isEmpty = false
  }
  return [...lines, line]
}
