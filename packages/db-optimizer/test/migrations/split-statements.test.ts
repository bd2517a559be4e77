import fc from 'fast-check'
import t from 'tap'
import {
  hasWord,
  leadingWords,
  lineAt,
  lineOfPosition,
  splitStatements,
  type Statement,
} from '../../src/migrations/split-statements.ts'

const texts = (text: string): readonly string[] => splitStatements(text).map(statement => statement.text)

function only(text: string): Statement {
  const [first] = splitStatements(text)
  if (first === undefined) throw new Error('no statement')
  return first
}

await t.test('semicolons end statements, but for those in quotes, dollar quotes, comments and parentheses', async t => {
  t.same(texts('select 1; select 2'), ['select 1', 'select 2'])
  t.same(texts(';;\n -- nothing;\n /* ; /* ; */ ; */ ;'), [])
  t.same(texts(''), [])
  for (const one of [
    `select 'a;b', ''';', E'\\';', U&';', "x;y" from t`,
    `do $$ begin perform 1; perform 2; end $$`,
    `do $a$ begin execute $$select 1; $$; end $a$`,
    `create rule r as on insert to t do also (insert into a values (1); insert into b values (2))`,
    `select /* ; */ 1 -- ;`,
    `select 'a'\n';b'`,
  ]) {
    t.same(texts(`${one}\n;select 2`), [one.replace(/ -- ;$/, ''), 'select 2'], one)
  }
})

await t.test('bodies of SQL functions are part of their statement', async t => {
  const body = `create or replace function f(a int) returns int language sql
    begin atomic select case when a > 0 then (case a when 1 then 2 else 3 end) else 4 end; select t.end as end from t; select 2; end`
  t.same(texts(`${body}; select 1`), [body, 'select 1'])
  const procedure = `CREATE PROCEDURE p() BEGIN ATOMIC INSERT INTO t VALUES (1); END`
  t.same(texts(`${procedure};${procedure}`), [procedure, procedure])
  t.same(texts('begin atomic; select 1; end'), ['begin atomic', 'select 1', 'end'], 'only in the making of a routine')
})

await t.test('what is not closed goes on to the end', async t => {
  for (const open of [`select 'a; select 2`, 'select $$a; select 2', 'select (1; select 2', 'select "a; select 2'])
    t.same(texts(open), [open])
})

await t.test('lines are those of the file, and positions count characters', async t => {
  const [first, second] = splitStatements('-- one\n\nselect\n  1;\n\n  select 2;')
  t.match(
    [first, second],
    [
      { number: 1, line: 3 },
      { number: 2, line: 6 },
    ],
  )
  const faces = only(`\nselect '😀😀',\n oops`)
  const position = Array.from(faces.text).indexOf('o') + 1
  t.equal(lineOfPosition(faces, position), 3)
  t.equal(lineOfPosition(faces, 1), 2)
  t.equal(lineAt('a\nb', 1), 1)
  t.equal(lineAt('a\nb', 2), 2)
})

await t.test('words are told from quoted names', async t => {
  t.same(leadingWords(only('Create  INDEX concurrently "x" on t (a)')), ['create', 'index', 'concurrently'])
  t.same(leadingWords(only('commit')), ['commit'])
  t.ok(hasWord(only('reindex (verbose) table concurrently t'), 'concurrently'))
  t.notOk(hasWord(only(`select "concurrently", 'concurrently' from t`), 'concurrently'))
})

await t.test('pieces put together with semicolons come apart again, whatever they are', async t => {
  const piece = fc.constantFrom(
    `select 1`,
    `select 'a;b'`,
    `select $x$ ; $x$`,
    `select (1)`,
    `insert into "a;b" values ('''')`,
    `create function f() returns int language sql begin atomic select 1; select 2; end`,
    `select E'\\'; '`,
    `do $$ begin null; end $$`,
  )
  const space = fc.constantFrom('', ' ', '\n', '-- c;\n', '/* ; */', ';')
  fc.assert(
    fc.property(fc.array(fc.tuple(space, piece, space), { maxLength: 8 }), pieces => {
      const found = texts(pieces.map(([before, text, after]) => `${before}${text}${after};`).join('\n'))
      return JSON.stringify(found) === JSON.stringify(pieces.map(([, text]) => text))
    }),
    { numRuns: 300 },
  )
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom('a', ';', "'", '"', '$', '-', '/', '*', '(', ')', '\n', ' ', '\\') }),
      text => {
        const statements = splitStatements(text)
        return statements.every(
          statement =>
            text.includes(statement.text) && text.split('\n').length >= statement.line && statement.text !== '',
        )
      },
    ),
    { numRuns: 300 },
  )
  t.pass('300 of each')
})
