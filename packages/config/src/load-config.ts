// Options are read once, at the edge, into one object that is complete, checked and frozen: inside the program nobody asks again.
//
//   defaults  <  the file of --config  <  environment variables  <  flags
//
// Invariants
// * A stronger source replaces an option whole: lists aren't joined.
// * Every given value is checked, also one that a stronger source replaces: else it would be a surprise on the day the stronger one goes.
// * All problems are reported together; contradictions only when everything else is right, since they need a whole configuration.
import type { Static, TObject } from 'typebox'
import { type DeepReadonly, deepFreeze, setOwn } from './deep-readonly.ts'
import { expectedText } from './describe-shape.ts'
import { type ConfigErrorCode, type ConfigIssue, type ConfigSource, throwIssues } from './errors.ts'
import { type ConfigOption, type OptionGroup, optionsOf, readOptionTree } from './option-tree.ts'
import { readConfigFile } from './read-file.ts'
import { readFlags } from './read-flags.ts'
import { readTexts, splitElements } from './read-text.ts'
import { redactText } from './redact-text.ts'
import { renderHelp } from './render-help.ts'

/** Options that contradict each other; the sources of their values are added to the message. */
export interface Contradiction {
  /** Paths of all options that take part: `['timeouts.tryMs', 'timeouts.totalMs']`. */
  readonly paths: readonly string[]
  /** What doesn't go together and what to do: names both options. */
  readonly message: string
}

/**
 * A program as its command line sees it. `in out` and `NoInfer` keep the compiler from comparing `Static` of schemas that it
 * doesn't know: that alone took a quarter of the time to check all of this project.
 */
export interface ConfigProgram<in out S extends TObject = TObject> {
  /** What the program is called on the command line. */
  readonly name: string
  /** A typical call, shown by --help; several on lines of their own. Default: the name and `[options]`. */
  readonly usage?: string
  /** What words without a flag stand for, as shown by --help: `[SUITE...]`. Default: the program takes none, and one is an error. */
  readonly operands?: string
  readonly schema: S
  /** Finds contradictions in a configuration whose every value is valid by itself: one sentence each that names both options. */
  check?(config: NoInfer<DeepReadonly<Static<S>>>): readonly (string | Contradiction)[]
}

/** Where options come from; the program's `main.ts` passes `process.env` and `process.argv.slice(2)`. */
export interface ConfigSources {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly argv: readonly string[]
  /** Reads the file of --config as text. Default: from the file system, UTF-8. */
  readonly readFile?: (path: string) => string
}

/** What the command line asked for. */
export type LoadedConfig<S extends TObject = TObject> =
  | ({ readonly kind: 'run' } & LoadedValues<S>)
  | ({ readonly kind: 'check' } & LoadedValues<S>)
  | { readonly kind: 'help'; readonly text: string }

/** A configuration and how it came about. */
export interface LoadedValues<S extends TObject> {
  readonly config: DeepReadonly<Static<S>>
  /** Path of every option that has a value → the source that it came from. */
  readonly sources: ReadonlyMap<string, ConfigSource>
  /** Words without a flag; always empty unless the program takes some. */
  readonly operands: readonly string[]
}

/** A value and where it came from. */
interface Given {
  readonly source: ConfigSource
  readonly value: unknown
}

/**
 * Reads a program's options from all sources.
 * @returns `run`, `check` for --check-config (every check was passed), or `help` for --help, which wins over everything else on the line
 * @throws ConfigError with all problems; of the codes only CONFIG_ERR_SCHEMA_INVALID is the author's fault
 */
export function loadConfig<S extends TObject>(program: ConfigProgram<S>, sources: ConfigSources): LoadedConfig<S> {
  const root = readOptionTree(program.schema)
  const options = optionsOf(root)
  const flags = readFlags(options, sources.argv, program.operands !== undefined)
  if (flags.help) return { kind: 'help', text: renderHelp(program) }

  const issues: ConfigIssue[] = [...flags.issues]
  const file = flags.configFile === null ? null : readConfigFile(flags.configFile, root, sources.readFile, issues)
  const given = new Map<ConfigOption, Given>()
  for (const option of options) {
    if (option.fallback) given.set(option, { source: 'default', value: option.fallback.value })
    if (file?.values.has(option)) given.set(option, { source: 'file', value: file.values.get(option) })
    const variable = option.env.find(name => (sources.env[name] ?? '') !== '')
    if (variable !== undefined) {
      const text = sources.env[variable] ?? ''
      const texts = option.shape.kind === 'array' ? splitElements(option.shape, text) : [text]
      const where = `environment ${variable} (${option.path})`
      given.set(option, { source: 'env', value: readGiven(option, texts, 'env', where, issues) })
    }
    const texts = flags.texts.get(option)
    if (texts)
      given.set(option, { source: 'flag', value: readGiven(option, texts, 'flag', `flag --${option.flag}`, issues) })
  }

  const origins = new Map<string, ConfigSource>()
  const isGiven = (member: ConfigOption | OptionGroup): boolean =>
    member.kind === 'option'
      ? (given.get(member)?.source ?? 'default') !== 'default'
      : file?.groups.has(member) === true || member.members.some(isGiven)
  // An option isn't missing as well when what was given for it, or for a group around it, was refused.
  const refused = new Set(issues.map(issue => issue.path))
  const isRefused = (path: string): boolean =>
    refused.has(path) || (path.includes('.') && isRefused(path.slice(0, path.lastIndexOf('.'))))
  const build = (group: OptionGroup): object => {
    const result = {}
    for (const member of group.members) {
      if (member.kind === 'group') {
        if (!member.optional || isGiven(member)) setOwn(result, member.key, build(member))
        continue
      }
      const value = given.get(member)
      if (value) {
        setOwn(result, member.key, value.value)
        origins.set(member.path, value.source)
      } else if (!member.optional && !isRefused(member.path)) issues.push(missingIssue(member, sources.env))
    }
    return result
  }
  const config = deepFreeze(build(root)) as DeepReadonly<Static<S>>
  throwIssues(issues)
  throwIssues((program.check?.(config) ?? []).map(problem => contradictionIssue(problem, origins)))
  return { kind: flags.checkConfig ? 'check' : 'run', config, sources: origins, operands: flags.operands }
}

function readGiven(
  option: ConfigOption,
  texts: readonly string[],
  source: ConfigSource,
  where: string,
  issues: ConfigIssue[],
): unknown {
  return readTexts(option.shape, texts, {
    path: option.path,
    secret: option.secret,
    report: ({ code, path, message }) => {
      // The flag names the option; only a place inside its value is worth adding.
      const inside = path === option.path ? '' : ` at ${path}`
      issues.push({ code, path, source, message: `${where}${inside}: ${message}` })
    },
  })
}

function missingIssue(option: ConfigOption, env: ConfigSources['env']): ConfigIssue {
  const ways = [
    ...(option.flag === null ? [] : [`give --${option.flag}`]),
    ...option.env.map(name => `set ${name}`),
    `put "${option.path}" into the file of --config`,
  ]
  const empty = option.env.find(name => env[name] === '')
  const note = empty === undefined ? '' : ` (${empty} is there but empty, which counts as not set)`
  const message = `${option.path}: is not set${note}; ${ways.join(' or ')}: ${expectedText(option.shape)}`
  return { code: 'CONFIG_ERR_MISSING_VALUE', path: option.path, source: 'unset', message }
}

function contradictionIssue(problem: string | Contradiction, origins: ReadonlyMap<string, ConfigSource>): ConfigIssue {
  const code: ConfigErrorCode = 'CONFIG_ERR_CONTRADICTION'
  if (typeof problem === 'string') return { code, path: '', source: 'unset', message: redactText(problem) }
  const [path = ''] = problem.paths
  const from = problem.paths.map(name => `${name}: ${origins.get(name) ?? 'not set'}`).join(', ')
  return { code, path, source: origins.get(path) ?? 'unset', message: `${redactText(problem.message)} (${from})` }
}
