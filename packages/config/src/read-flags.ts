// The command line: which flags were given, with which texts. What a text means is decided later, with the option's type.
//
//   --name value   --name=value   --switch   --switch=false   --no-switch   --list a --list b   --no-list   --   operands
//
// Invariants
// * The word after a flag that nobody knows is passed over, and no message repeats it: it may be a password after a misspelt name.
// * `--help` counts wherever it stands before `--`.
import type { ConfigErrorCode, ConfigIssue } from './errors.ts'
import { nearestName } from './nearest-name.ts'
import { type ConfigOption, isNegatable, PROGRAM_FLAGS } from './option-tree.ts'
import { redactText } from './redact-text.ts'
import { kebabPath } from './value-path.ts'

/** What the command line said. */
export interface FlagReading {
  readonly help: boolean
  readonly checkConfig: boolean
  readonly configFile: string | null
  /** Texts per option; no text at all stands for `--no-list`. */
  readonly texts: ReadonlyMap<ConfigOption, readonly string[]>
  /** Words that belong to no flag. */
  readonly operands: readonly string[]
  readonly issues: readonly ConfigIssue[]
}

/** A flag as the command line sees it: an option's, or (`option: null`) one of the program's own. */
interface Flag {
  readonly name: string
  readonly option: ConfigOption | null
  /** `switch` takes a value only after `=`; `list` may be repeated. */
  readonly takes: 'switch' | 'value' | 'list'
}

/** What one flag was given so far. */
interface Given {
  readonly texts: string[]
  negated: boolean
}

/**
 * Reads `argv`, which begins after the program's name. Never throws: what's wrong is in `issues`.
 * @param takesOperands whether words without a flag are welcome
 */
export function readFlags(
  options: readonly ConfigOption[],
  argv: readonly string[],
  takesOperands: boolean,
): FlagReading {
  const flags = knownFlags(options)
  const given = new Map<Flag, Given>()
  const operands: string[] = []
  const issues: ConfigIssue[] = []
  const report = (code: ConfigErrorCode, flag: Flag | null, message: string) =>
    void issues.push({ code, path: flag?.option?.path ?? '', source: 'flag', message })
  const take = (flag: Flag, text: string | null) => {
    const before = given.get(flag)
    if (before && (flag.takes !== 'list' || text === null || before.negated)) {
      const remedy = flag.takes === 'list' ? 'give either elements or none' : 'it takes one value, keep one of them'
      report('CONFIG_ERR_REPEATED_OPTION', flag, `flag --${flag.name}: given twice; ${remedy}`)
    }
    const entry = before ?? { texts: [], negated: false }
    if (text === null) entry.negated = true
    else entry.texts.push(text)
    given.set(flag, entry)
  }

  let previous: Flag | null = null
  for (let index = 0; index < argv.length; index++) {
    const word = argv[index] ?? ''
    if (word === '--') {
      const rest = argv.slice(index + 1)
      operands.push(...rest)
      if (!takesOperands && rest.length > 0) {
        report(
          'CONFIG_ERR_UNEXPECTED_OPERAND',
          null,
          'flag --: words follow it, and this program takes none; remove them',
        )
      }
      break
    }
    if (!/^-[^\d]/.test(word)) {
      operands.push(word)
      if (!takesOperands) report('CONFIG_ERR_UNEXPECTED_OPERAND', previous, operandMessage(word, index, previous))
      continue
    }
    const equals = word.indexOf('=')
    const dashedName = equals === -1 ? word : word.slice(0, equals)
    const text = equals === -1 ? null : word.slice(equals + 1)
    const found = findFlag(flags, dashedName)
    previous = found?.flag ?? null
    if (!found) {
      report('CONFIG_ERR_UNKNOWN_OPTION', null, unknownMessage(dashedName, flags, options))
      if (text === null && index + 1 < argv.length && !argv[index + 1]?.startsWith('-')) index++
      continue
    }
    const { flag, negated } = found
    if (negated || (flag.takes === 'switch' && flag.option === null)) {
      if (text !== null) report('CONFIG_ERR_INVALID_VALUE', flag, `flag ${dashedName}: takes no value; leave out "="`)
      else take(flag, negated && flag.takes === 'list' ? null : String(!negated))
    } else if (text !== null) take(flag, text)
    else if (flag.takes === 'switch') take(flag, 'true')
    else if (index + 1 < argv.length && !argv[index + 1]?.startsWith('--')) take(flag, argv[++index] ?? '')
    else {
      const remedy = `write --${flag.name} VALUE, or --${flag.name}=VALUE for one that begins with dashes`
      report('CONFIG_ERR_MISSING_VALUE', flag, `flag --${flag.name}: has no value; ${remedy}`)
    }
  }
  return { ...result(given), operands, issues }
}

function result(given: ReadonlyMap<Flag, Given>): Omit<FlagReading, 'operands' | 'issues'> {
  const texts = new Map<ConfigOption, readonly string[]>()
  const own = new Map<string, string>()
  for (const [flag, entry] of given) {
    if (flag.option) texts.set(flag.option, entry.texts)
    else own.set(flag.name, entry.texts.at(-1) ?? '')
  }
  return {
    help: own.has(PROGRAM_FLAGS.help),
    checkConfig: own.has(PROGRAM_FLAGS.checkConfig),
    configFile: own.get(PROGRAM_FLAGS.config) ?? null,
    texts,
  }
}

function knownFlags(options: readonly ConfigOption[]): Map<string, Flag> {
  const flags = new Map<string, Flag>()
  for (const option of options) {
    if (option.flag === null) continue
    const { kind } = option.shape
    const takes = kind === 'boolean' ? 'switch' : kind === 'array' ? 'list' : 'value'
    flags.set(option.flag, { name: option.flag, option, takes })
  }
  for (const name of Object.values(PROGRAM_FLAGS)) {
    flags.set(name, { name, option: null, takes: name === PROGRAM_FLAGS.config ? 'value' : 'switch' })
  }
  return flags
}

function findFlag(flags: ReadonlyMap<string, Flag>, dashedName: string): { flag: Flag; negated: boolean } | null {
  const name = dashedName === '-h' ? PROGRAM_FLAGS.help : dashedName.startsWith('--') ? dashedName.slice(2) : ''
  const flag = flags.get(name)
  if (flag) return { flag, negated: false }
  const positive = name.startsWith('no-') ? flags.get(name.slice('no-'.length)) : undefined
  return positive?.option && isNegatable(positive.option) ? { flag: positive, negated: true } : null
}

function unknownMessage(
  dashedName: string,
  flags: ReadonlyMap<string, Flag>,
  options: readonly ConfigOption[],
): string {
  const name = dashedName.replace(/^-+/, '')
  const positive = name.startsWith('no-') ? flags.get(name.slice('no-'.length)) : undefined
  if (positive) {
    return `flag --${name}: only switches and lists have a "no-" form; leave --${positive.name} out for its default`
  }
  if (options.some(option => option.flag === null && kebabPath(option.path) === name)) {
    return `flag --${name}: this option has no text form; put it into the file of --config`
  }
  const nearest = nearestName(name, flags.keys())
  return `flag ${dashedName}: is not known; ${nearest ? `did you mean --${nearest}?` : '--help lists every option'}`
}

function operandMessage(word: string, index: number, previous: Flag | null): string {
  // After a secret it may be the part of it behind an unquoted space.
  const shown = previous?.option?.secret ? '' : ` ${JSON.stringify(redactText(word))}`
  const remedy =
    previous?.takes === 'switch'
      ? `a switch takes its value after "=", as in --${previous.name}=${word === 'true' ? 'true' : 'false'}`
      : 'quote a value that has spaces, or remove it'
  return `argument ${index + 1}${shown}: belongs to no flag; ${remedy}`
}
