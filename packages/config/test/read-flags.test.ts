import t from 'tap'
import { Type } from 'typebox'
import { optionsOf, readOptionTree } from '../src/option-tree.ts'
import { readFlags } from '../src/read-flags.ts'

const OPTIONS = optionsOf(
  readOptionTree(
    Type.Object({
      path: Type.String(),
      dryRun: Type.Boolean(),
      tags: Type.Array(Type.String(), { flag: 'tag' }),
      password: Type.String({ secret: true }),
      labels: Type.Record(Type.String(), Type.String()),
      count: Type.Integer(),
    }),
  ),
)
const read = (...argv: string[]) => readFlags(OPTIONS, argv, false)
const texts = (...argv: string[]) => {
  const reading = read(...argv)
  if (reading.issues.length > 0) throw new Error(reading.issues.map(issue => issue.message).join('\n'))
  return Object.fromEntries(Array.from(reading.texts, ([option, values]) => [option.path, values]))
}
const codes = (...argv: string[]) => read(...argv).issues.map(issue => issue.code.replace('CONFIG_ERR_', ''))
const lines = (...argv: string[]) => read(...argv).issues.map(issue => issue.message)

await t.test('a value stands behind a space or behind "="', async t => {
  t.strictSame(texts('--path', '/a', '--count=-5'), { path: ['/a'], count: ['-5'] })
  t.strictSame(texts('--path=', '--count', '-5'), { path: [''], count: ['-5'] })
  t.strictSame(texts('--path', '-x'), { path: ['-x'] })
  t.strictSame(texts('--path', '-'), { path: ['-'] })
  t.strictSame(texts('--path', ''), { path: [''] })
  t.strictSame(texts('--path=--a=b'), { path: ['--a=b'] })
})

await t.test('a switch is on, off by "=false", off by "no-"', async t => {
  t.strictSame(texts('--dry-run'), { dryRun: ['true'] })
  t.strictSame(texts('--dry-run=false'), { dryRun: ['false'] })
  t.strictSame(texts('--no-dry-run'), { dryRun: ['false'] })
})

await t.test('a list collects its flags in order, and "no-" makes it empty', async t => {
  t.strictSame(texts('--tag', 'b', '--path', 'x', '--tag=a'), { tags: ['b', 'a'], path: ['x'] })
  t.strictSame(texts('--no-tag'), { tags: [] })
})

await t.test('a flag given twice is an error, once per repetition, unless it is a list', async t => {
  t.strictSame(codes('--path', 'a', '--path=a'), ['REPEATED_OPTION'])
  t.strictSame(codes('--dry-run', '--no-dry-run'), ['REPEATED_OPTION'])
  t.strictSame(codes('--config', 'a', '--config', 'b'), ['REPEATED_OPTION'])
  t.strictSame(codes('--no-tag', '--tag', 'a'), ['REPEATED_OPTION'])
  t.strictSame(codes('--tag', 'a', '--no-tag'), ['REPEATED_OPTION'])
})

await t.test('a flag without its value is an error, also before another flag', async t => {
  t.strictSame(codes('--path'), ['MISSING_VALUE'])
  t.strictSame(codes('--path', '--dry-run'), ['MISSING_VALUE'])
  t.strictSame(codes('--path', '--'), ['MISSING_VALUE'])
  t.strictSame(codes('--no-dry-run=true'), ['INVALID_VALUE'])
  t.strictSame(codes('--help=no'), ['INVALID_VALUE'])
})

await t.test('an unknown flag is named with the nearest known one, and what follows it is never shown', async t => {
  t.strictSame(lines('--pasword', 'hunter2'), ['flag --pasword: is not known; did you mean --password?'])
  t.strictSame(lines('--pasword=hunter2'), ['flag --pasword: is not known; did you mean --password?'])
  t.strictSame(lines('-path', '/a'), ['flag -path: is not known; did you mean --path?'])
  t.match(lines('--zzzzzz'), [/--help lists every option/])
  t.match(lines('-v'), [/flag -v: is not known/])
  t.match(lines('--no-path'), [/only switches and lists/])
  t.match(lines('--labels', 'a=b'), [/put it into the file of --config/])
})

await t.test('a word without a flag is an error that says why it may be there', async t => {
  t.match(lines('serve'), ['argument 1 "serve": belongs to no flag'])
  t.match(lines('--dry-run', 'true'), ['--dry-run=true'])
  t.match(lines('--dry-run', 'false'), ['--dry-run=false'])
  t.notMatch(lines('--password', 'my', 'hunter2').join(''), /hunter2/)
  t.strictSame(codes('--', '--path'), ['UNEXPECTED_OPERAND'])
  t.strictSame(codes('--'), [])
})

await t.test('a program that takes words gets them, those behind "--" as they are', async t => {
  const reading = readFlags(OPTIONS, ['one', '--dry-run', 'two', '--', '--path', '-h'], true)
  t.strictSame(reading.operands, ['one', 'two', '--path', '-h'])
  t.strictSame(reading.issues, [])
  t.equal(reading.help, false)
})

await t.test('the flags of every program are read beside the options', async t => {
  t.match(read('--config', 'a.json', '--check-config'), { configFile: 'a.json', checkConfig: true, help: false })
  t.equal(read('--path', '-h').help, false, 'it is the value of --path')
  t.equal(read('-h').help, true)
  t.equal(read('--nonsense', '--help').help, true)
  t.match(read(), { configFile: null, checkConfig: false, help: false })
})
