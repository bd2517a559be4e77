// What requests may bring, read off the schemas of the live routes: a route that's added is held to it without a line here.
//
// Everything has an end: texts, lists, numbers, names of fields. Patterns are counted rather than timed: V8 says how often a match goes back over its text, and gives up
// beyond a limit, which no machine is too slow or too busy for. (Its count leaves out runs of a single class, `a*a*`: at worst a square of the length; so lengths are short.)
import t from 'tap'
import v8 from 'node:v8'
import { NO_DATABASE, testApp } from '../fixture/test-app.ts'

interface Keywords {
  readonly type?: string
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly pattern?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly maxLength?: number
  readonly maxItems?: number
  readonly properties?: Readonly<Record<string, Keywords>>
  readonly additionalProperties?: unknown
  readonly items?: Keywords
  readonly anyOf?: readonly Keywords[]
}

interface Place {
  /** `POST /api/blogs body.tags[]` */
  readonly name: string
  readonly schema: Keywords
}

/** Of texts that a pattern is for, in code points. */
const MAX_PATTERN_LENGTH = 512
const MAX_PAGE = 100
const HOSTILE_LENGTH = 50_000
/** Going back over a text once or twice is no attack. */
const MAX_BACKTRACKS = 4 * HOSTILE_LENGTH

const places = await requestSchemas()

await t.test('everything in a request has an end: texts, lists, numbers, fields', t => {
  t.ok(places.length > 30, `${places.length} places`)
  for (const { name, schema } of places) {
    if (schema.const !== undefined || schema.enum !== undefined || schema.anyOf !== undefined) continue
    switch (schema.type) {
      case 'string':
        // Header fields end with the head, 16 KiB.
        if (name.includes(' headers.') && schema.pattern === undefined) break
        t.type(schema.maxLength, 'number', `${name} has a longest text`)
        break
      case 'integer':
      case 'number':
        t.type(schema.minimum, 'number', `${name} has a least number`)
        t.type(schema.maximum, 'number', `${name} has a greatest number`)
        break
      case 'array':
        t.type(schema.maxItems, 'number', `${name} has a longest list`)
        break
      case 'object':
        // Of header fields there are always others.
        if (!name.endsWith(' headers')) t.equal(schema.additionalProperties, false, `${name} takes no unknown fields`)
        break
      case 'boolean':
      case 'null':
        break
      case undefined:
      default:
        t.fail(`${name} takes anything`)
    }
  }
  t.end()
})

await t.test('a page has at most 100 entries', t => {
  const limits = places.filter(({ name }) => name.endsWith('.limit'))
  t.ok(limits.length > 0)
  for (const { name, schema } of limits) t.ok((schema.maximum ?? Infinity) <= MAX_PAGE, name)
  t.end()
})

await t.test('no pattern goes back over a hostile text again and again', t => {
  const backtracksOver = backtrackLimiter()
  t.ok(backtracksOver('^(a+)+$'), 'the count finds what is exponential')
  t.ok(backtracksOver('^([a-z]|[a-f])*$'))
  t.notOk(backtracksOver('^[a-z]+$'))
  const patterned = places.filter(({ schema }) => schema.pattern !== undefined)
  t.ok(patterned.length > 0)
  for (const { name, schema } of patterned) {
    t.ok((schema.maxLength ?? Infinity) <= MAX_PATTERN_LENGTH, `${name} is short`)
    t.notOk(backtracksOver(schema.pattern ?? ''), `${name} ${schema.pattern}`)
  }
  t.end()
})

/** Every schema of a value that a request brings, with those inside of it. */
async function requestSchemas(): Promise<Place[]> {
  const { app } = await testApp(t, NO_DATABASE, { app: { metricsRoute: true } })
  const found: Place[] = []
  app.addHook('onRoute', ({ method, url, schema }) => {
    if (method === 'HEAD' || schema?.hide === true) return
    for (const part of ['params', 'querystring', 'headers', 'body'] as const) {
      const inPart = schema?.[part]
      if (inPart !== undefined) found.push(...placesIn(`${String(method)} ${url} ${part}`, inPart as Keywords))
    }
  })
  await app.ready()
  return found
}

function placesIn(name: string, schema: Keywords): Place[] {
  return [
    { name, schema },
    ...Object.entries(schema.properties ?? {}).flatMap(([key, inner]) => placesIn(`${name}.${key}`, inner)),
    ...(schema.items === undefined ? [] : placesIn(`${name}[]`, schema.items)),
    ...(schema.anyOf ?? []).flatMap((inner, index) => placesIn(`${name}|${index}`, inner)),
  ]
}

/** Answers whether a pattern goes back too often over one of the texts that are likely to make it. */
function backtrackLimiter(): (pattern: string) => boolean {
  // Node has no API for it; V8's own tests use this.
  v8.setFlagsFromString('--allow-natives-syntax')
  // oxlint-disable-next-line no-implied-eval -- the syntax is no JavaScript that a file could hold
  const make = new Function('pattern', 'limit', 'return %NewRegExpWithBacktrackLimit(pattern, "u", limit)') as (
    pattern: string,
    limit: number,
  ) => RegExp
  v8.setFlagsFromString('--no-allow-natives-syntax')
  const signs = ['a', 'Z', '0', '-', '_', '.', '@', '"', ',', ' ', '=', '/']
  const pieces = signs.flatMap(first => signs.map(second => (first === second ? first : first + second)))
  const texts = pieces.map(piece => `${piece.repeat(HOSTILE_LENGTH / piece.length)}!`)
  return pattern => {
    // Its second half matches anything: nothing at all is what comes of the limit.
    const limited = make(`(?:${pattern})|`, MAX_BACKTRACKS)
    return texts.some(text => limited.exec(text) === null)
  }
}
