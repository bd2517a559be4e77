// What a store in memory can be told. Completed and checked once.
import { randomInt } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import { RateLimitError } from './errors.ts'
import type { Rule } from './store.ts'

export interface MemoryStoreOptions {
  /** 1 to 16 rules with different names. All apply to a request unless it has no key for one. */
  readonly rules: readonly Rule[]
  /**
   * Keys of each rule that says nothing else that have a count of their own. Default 50,000, 1 to 1,000,000. Beyond it newcomers share counts (see the README), so make it larger
   * than the clients you expect in the longest window.
   */
  readonly maxKeys?: number
  /**
   * How finely a key's window is kept. Default 64, 2 to 1024. Rules with a limit up to this are exact to the millisecond; with others a request is
   * given back at most `windowMs / (cellsPerKey - 1)` late. Memory: 8 bytes per cell and key.
   */
  readonly cellsPerKey?: number
  /** A clock in milliseconds. Default: Node's `performance`, which nobody can set. Steps back are left out; a step forth is time that has passed. */
  readonly clock?: { now(): number }
  /** From 0 to below 1; makes it unguessable which newcomers share a count. Default: Node's crypto. */
  readonly random?: { next(): number }
}

export interface CompleteOptions {
  readonly rules: readonly Readonly<Required<Rule>>[]
  readonly maxKeys: number
  readonly cellsPerKey: number
  readonly clock: { now(): number }
  readonly random: { next(): number }
}

/** Twice a window has to fit into 32 bits of milliseconds, see windows.ts. */
const MAX_WINDOW_MS = 2_000_000_000
const MAX_RULES = 16
const MAX_KEYS = 1_000_000
const OPTION_NAMES = ['rules', 'maxKeys', 'cellsPerKey', 'clock', 'random']
const RULE_NAMES = ['name', 'limit', 'windowMs', 'perScope', 'maxKeys']
const CRYPTO_RANDOM = { next: () => randomInt(2 ** 32) / 2 ** 32 }

/** @throws RateLimitError `RATE_LIMIT_ERR_OPTION` */
export function completeOptions(given: MemoryStoreOptions): CompleteOptions {
  checkNames('option', given, OPTION_NAMES)
  const { maxKeys = 50_000, cellsPerKey = 64, clock = performance, random = CRYPTO_RANDOM } = given
  const list: unknown = given.rules
  if (!Array.isArray(list) || list.length === 0 || list.length > MAX_RULES) {
    throw invalid(`rules is a list of 1 to ${MAX_RULES} rules.`)
  }
  checkWhole('maxKeys', maxKeys, 1, MAX_KEYS)
  const rules = Object.freeze(given.rules.map(rule => completeRule(rule, maxKeys)))
  for (const { name } of rules) {
    if (rules.filter(rule => rule.name === name).length > 1) throw invalid(`There are two rules "${name}": rename one.`)
  }
  checkWhole('cellsPerKey', cellsPerKey, 2, 1024)
  return Object.freeze({ rules, maxKeys, cellsPerKey, clock, random })
}

function completeRule(given: Rule, keysOfStore: number): Readonly<Required<Rule>> {
  checkNames('option of a rule', given, RULE_NAMES)
  const { name, limit, windowMs, perScope = false, maxKeys = keysOfStore } = given
  if (typeof name !== 'string' || !/^[\w-]{1,64}$/.test(name)) {
    throw invalid(`A rule's name is 1 to 64 letters, digits, "-" and "_", not ${JSON.stringify(name)}.`)
  }
  checkWhole(`limit of "${name}"`, limit, 1, 1_000_000_000)
  checkWhole(`windowMs of "${name}"`, windowMs, 1, MAX_WINDOW_MS)
  if (typeof perScope !== 'boolean') throw invalid(`perScope of "${name}" is true or false.`)
  checkWhole(`maxKeys of "${name}"`, maxKeys, 1, MAX_KEYS)
  return Object.freeze({ name, limit, windowMs, perScope, maxKeys })
}

function checkNames(kind: string, given: object, names: readonly string[]): void {
  for (const name of Object.keys(given)) {
    if (!names.includes(name)) throw invalid(`There is no ${kind} "${name}"; there are: ${names.join(', ')}.`)
  }
}

function checkWhole(name: string, value: unknown, least: number, most: number): void {
  if (Number.isInteger(value) && (value as number) >= least && (value as number) <= most) return
  throw invalid(`${name} is a whole number from ${least} to ${most}, not ${String(value)}.`)
}

function invalid(message: string): RateLimitError {
  return new RateLimitError('RATE_LIMIT_ERR_OPTION', message)
}
