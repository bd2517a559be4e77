import t from 'tap'
import { OrderedProgram } from '../src/ordered-program.ts'

interface Order {
  readonly kind: 'answer' | 'refuse' | 'end'
}

await t.test('an order is answered with figures, with why there are none, or by the end of the program', async t => {
  const stopping = new AbortController()
  const io = { nodePath: process.execPath, signal: stopping.signal }
  const plan = { name: 'the obedient one', file: '../test/programs/obedient.ts', core: null }
  const program = await OrderedProgram.start<Order, { readonly answered: string }>(io, plan)
  t.teardown(() => program.stop())
  t.same(await program.run({ kind: 'answer' }), { answered: 'answer' })
  await t.rejects(program.run({ kind: 'refuse' }), /it was told to/)
  await t.rejects(program.run({ kind: 'end' }), /the obedient one has ended/)
  stopping.abort(new Error('Ctrl-C'))
  await t.rejects(program.run({ kind: 'answer' }), /Ctrl-C/)
})
