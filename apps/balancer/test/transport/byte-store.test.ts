import fc from 'fast-check'
import t from 'tap'
import { ByteStore } from '../../src/transport/byte-store.ts'

await t.test('it holds what was appended and not consumed, in order, and never writes over a view', t => {
  const step = fc.oneof(
    fc.uint8Array({ maxLength: 3000 }).map(bytes => ({ append: Buffer.from(bytes) })),
    fc.double({ min: 0, max: 1, noNaN: true }).map(share => ({ consume: share })),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), steps => {
      const store = new ByteStore()
      let expected = Buffer.alloc(0)
      const views: { view: Buffer; copy: Buffer }[] = []
      for (const step of steps) {
        if ('append' in step) {
          // Out of the middle of a larger buffer, as reads come.
          const around = Buffer.concat([Buffer.from('<<'), step.append, Buffer.from('>>')])
          store.append(around, 2, around.length - 2)
          expected = Buffer.concat([expected, step.append])
        } else {
          const count = Math.floor(step.consume * expected.length)
          store.consume(count)
          expected = expected.subarray(count)
        }
        if (!store.bytes.equals(expected) || store.length !== expected.length) return false
        views.push({ view: store.bytes, copy: Buffer.from(store.bytes) })
      }
      return views.every(({ view, copy }) => view.equals(copy))
    }),
    { numRuns: 200 },
  )
  t.pass('for 200 random sequences')
  t.end()
})

await t.test('single octets cost no more memory than all at once', t => {
  const store = new ByteStore()
  const octet = Buffer.from('x')
  for (let i = 0; i < 65_536; i++) store.append(octet, 0, 1)
  t.equal(store.length, 65_536)
  t.ok(store.bytes.buffer.byteLength <= 2 * 65_536)
  t.end()
})
