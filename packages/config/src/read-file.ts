// The file of --config: one JSON object whose keys are the options, nested as in the schema.
//
// Every problem says line and column. `$schema` at the top is allowed: editors find the JSON Schema by it.
import { readFileSync } from 'node:fs'
import { isPlainObject } from './deep-readonly.ts'
import type { ConfigErrorCode, ConfigIssue } from './errors.ts'
import { nearestName } from './nearest-name.ts'
import { type ConfigOption, type OptionGroup, optionsOf } from './option-tree.ts'
import { type JsonReading, JsonSyntaxError, positionOf, readJson } from './read-json.ts'
import { readValue } from './read-value.ts'
import { keyPath } from './value-path.ts'

/** What the file gave. */
export interface FileReading {
  readonly values: ReadonlyMap<ConfigOption, unknown>
  /** Groups that the file has, be it without a key: an optional one is there then. */
  readonly groups: ReadonlySet<OptionGroup>
}

const FAILURES: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  EACCES: 'may not be read by this user',
  EPERM: 'may not be read by this user',
  EISDIR: 'is a folder',
}

/** Reads the file; what's wrong goes to `issues`. */
export function readConfigFile(
  file: string,
  root: OptionGroup,
  readFile: ((path: string) => string) | undefined,
  issues: ConfigIssue[],
): FileReading {
  const values = new Map<ConfigOption, unknown>()
  const groups = new Set<OptionGroup>()
  const reading: FileReading = { values, groups }
  const reportFile = (code: ConfigErrorCode, message: string) =>
    void issues.push({ code, path: '', source: 'file', message })
  let text: string
  try {
    text = readFile ? readFile(file) : readFileSync(file, 'utf8')
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException
    const reason = FAILURES[code] ?? `can't be read (${message})`
    reportFile('CONFIG_ERR_FILE_UNREADABLE', `file ${file}: ${reason}; check the path after --config and its rights`)
    return reading
  }
  let json: JsonReading
  try {
    json = readJson(text)
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error
    const { line, column } = error.position
    reportFile('CONFIG_ERR_FILE_INVALID', `file ${file}:${line}:${column}: is not JSON here: ${error.message}`)
    return reading
  }
  if (!isPlainObject(json.value)) {
    reportFile('CONFIG_ERR_FILE_INVALID', `file ${file}: holds no JSON object; write the options between { and }`)
    return reading
  }
  const report = (code: ConfigErrorCode, path: string, message: string, at = positionOf(json.positions, path)) => {
    const where = `file ${file}:${at.line}:${at.column}${path === '' ? '' : ` at ${path}`}`
    issues.push({ code, path, source: 'file', message: `${where}: ${message}` })
  }
  for (const { path, position } of json.repeated) {
    report('CONFIG_ERR_REPEATED_OPTION', path, 'the key stands twice in this object; keep one', position)
  }
  const readGroup = (group: OptionGroup, object: Record<string, unknown>) => {
    groups.add(group)
    const members = new Map(group.members.map(member => [member.key, member]))
    for (const [key, value] of Object.entries(object)) {
      const path = keyPath(group.path, key)
      const member = members.get(key)
      if (!member) {
        if (group === root && key === '$schema') continue
        report('CONFIG_ERR_UNKNOWN_OPTION', path, unknownMessage(key, group, root))
      } else if (member.kind === 'group') {
        if (isPlainObject(value)) readGroup(member, value)
        else report('CONFIG_ERR_INVALID_VALUE', path, `is not an object; write { ${exampleKey(member)} ... }`)
      } else {
        const result = readValue(member.shape, value, {
          path,
          secret: member.secret,
          report: problem => report(problem.code, problem.path, problem.message),
        })
        values.set(member, result)
      }
    }
  }
  readGroup(root, json.value)
  return reading
}

function unknownMessage(key: string, group: OptionGroup, root: OptionGroup): string {
  const options = optionsOf(root)
  const meant = options.find(option => option.path === key || option.flag === key)
  if (meant?.path.includes('.')) {
    const [first = '', ...rest] = meant.path.split('.')
    const nested = rest.reduceRight((inner, name) => `{ "${name}": ${inner} }`, '...')
    return `"${key}" is not known; keys are nested in the file: "${first}": ${nested}`
  }
  const siblings = group.members.map(member => member.key)
  const nearest =
    nearestName(key, siblings) ??
    nearestName(
      key,
      options.map(option => option.path),
    )
  return `"${key}" is not known; ${nearest ? `did you mean "${nearest}"?` : `there is ${siblings.join(', ')}`}`
}

const exampleKey = (group: OptionGroup): string => `"${group.members[0]?.key ?? ''}":`
