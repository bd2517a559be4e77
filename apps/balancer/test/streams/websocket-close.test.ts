import fc from 'fast-check'
import t from 'tap'
import { GOING_AWAY, closeFrame, maskedCloseFrame } from '../../src/streams/websocket-close.ts'
import { closeOf, parseFrames, type Frame } from './frames.ts'

await t.test('a client gets code and reason in one unmasked frame', t => {
  t.equal(closeFrame(GOING_AWAY, '').toString('hex'), '880203e9')
  t.equal(closeFrame(GOING_AWAY, 'by').toString('hex'), '880403e96279')
  t.end()
})

await t.test('an endpoint gets the same in a masked frame, whatever the mask is', t => {
  t.equal(maskedCloseFrame(GOING_AWAY, '', 0x01020304).toString('hex'), '88820102030402eb')
  const mask = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }).map(next => Math.floor(next * 2 ** 32))
  fc.assert(
    fc.property(mask, fc.string({ unit: 'grapheme', maxLength: 20 }), (mask, reason) => {
      fc.pre(Buffer.byteLength(reason) <= 123)
      const bytes = maskedCloseFrame(GOING_AWAY, reason, mask)
      const [frame] = parseFrames(bytes) as [Frame]
      const close = closeOf(frame)
      return frame.masked && close.code === 1001 && close.reason === reason && bytes.readUInt32BE(2) === mask
    }),
    { numRuns: 300 },
  )
  t.end()
})

await t.test('a reason that no control frame can carry is refused', t => {
  t.equal(closeFrame(GOING_AWAY, 'x'.repeat(123)).length, 127)
  t.throws(() => closeFrame(GOING_AWAY, 'x'.repeat(124)), RangeError)
  t.throws(() => maskedCloseFrame(GOING_AWAY, 'é'.repeat(62), 0), RangeError, 'octets count, not characters')
  t.end()
})
