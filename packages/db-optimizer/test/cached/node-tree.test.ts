import t from 'tap'
import { isNode, readNodeTree, type TreeNode } from '../../src/cached/node-tree.ts'

function node(text: string): TreeNode {
  const value = readNodeTree(text)
  if (!isNode(value)) throw new TypeError('no node')
  return value
}

await t.test('nodes, lists, nothing and tokens are told apart', async t => {
  const { name, fields } = node('{QUERY :commandType 1 :list ({VAR :varno 1} (o 23 25)) :none <> :empty ""}')
  t.equal(name, 'QUERY')
  t.equal(fields.get('commandType'), '1')
  t.match(fields.get('list'), [{ name: 'VAR' }, ['o', '23', '25']])
  t.equal(fields.get('none'), null)
  t.equal(fields.get('empty'), '')
})

await t.test('a name that looks like a field, a bracket or a blank is a value', async t => {
  const { fields } = node(
    String.raw`{TARGETENTRY :resname :relid :other a\ b\(c\)\\ :names ("x\ y" "{") :resno 1}`.replace(
      '"{"',
      String.raw`"\{"`,
    ),
  )
  t.equal(fields.get('resname'), ':relid')
  t.equal(fields.get('other'), String.raw`a b(c)\ `.trim())
  t.same(fields.get('names'), ['x y', '{'])
  t.equal(fields.get('resno'), '1')
})

await t.test('the bytes of a constant are skipped', async t => {
  const { fields } = node('{CONST :consttype 23 :constvalue 4 [ 1 0 0 -119 ] :after x}')
  t.same([fields.get('constvalue'), fields.get('after')], ['4', 'x'])
})

await t.test('what does not fit is an error, never skipped', async t => {
  for (const text of ['', '{', '{A :b', '{A b}', '{A :b c d}', '(', '() x', '{A :b 4 [ 1', ')']) {
    t.throws(() => readNodeTree(text), SyntaxError, text)
  }
})
