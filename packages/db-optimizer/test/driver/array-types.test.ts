import fc from 'fast-check'
import t from 'tap'
import { parseArray, serializeArray } from '../../src/driver/array-types.ts'

await t.test('arrays of text come back as they went, whatever is in them', t => {
  const { tree } = fc.letrec<{ tree: unknown[] }>(tie => ({
    tree: fc.array(
      fc.oneof(
        { maxDepth: 2 },
        fc.string(),
        fc.constant(null),
        fc.constantFrom('NULL', '"', '\\', '{', '}', ','),
        tie('tree'),
      ),
      { maxLength: 5 },
    ),
  }))
  fc.assert(
    fc.property(tree, value => {
      t.same(parseArray(serializeArray(value) as string), value)
    }),
    { numRuns: 200 },
  )
  t.end()
})

await t.test('bounds, nulls and other delimiters are read', t => {
  t.same(parseArray('[0:1]={1,NULL}', Number), [1, null])
  t.same(
    parseArray('{(1,1),(0,0);(2,2),(0,0)}', text => text, ';'),
    ['(1,1),(0,0)', '(2,2),(0,0)'],
  )
  t.throws(() => parseArray('{1,2'), SyntaxError)
  t.throws(() => parseArray('1'), SyntaxError)
  t.throws(() => serializeArray([undefined]), TypeError)
  t.equal(serializeArray('{1}'), '{1}')
  t.end()
})
