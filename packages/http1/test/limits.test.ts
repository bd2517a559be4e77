import t from 'tap'
import { createLimits, DEFAULT_LIMITS } from '@plimsoll/http1'

await t.test('limits that are not given are the defaults, and none can be changed later', async t => {
  t.same(createLimits(), DEFAULT_LIMITS)
  const limits = createLimits({ maxHeadBytes: 100, maxBodyBytes: Infinity, targetCharacters: 'rfc3986' })
  t.same(limits, { ...DEFAULT_LIMITS, maxHeadBytes: 100, targetCharacters: 'rfc3986' })
  t.ok(Object.isFrozen(limits))
  t.ok(Object.isFrozen(DEFAULT_LIMITS))
})

await t.test('a limit that means nothing is refused by name', async t => {
  const refused: readonly object[] = [
    { maxHeadBytes: 0 },
    { maxHeadBytes: -1 },
    { maxHeadBytes: 1.5 },
    { maxHeadBytes: Number.NaN },
    { maxHeadBytes: Infinity },
    { maxHeadBytes: '16384' },
    { maxHeadBytes: undefined },
    { maxHeadBytes: 2 ** 31 },
    { maxHeaders: 0 },
    { maxBodyBytes: 0.5 },
    { maxBodyBytes: Number.NaN },
    { maxHeaders: 70_000 },
    { maxBodyBytes: -1 },
    { targetCharacters: 'any' },
    { maxHeadersBytes: 5 },
    { toString: 5 },
  ]
  for (const given of refused) {
    const [name] = Object.keys(given)
    t.throws(() => createLimits(given), { code: 'HTTP1_ERR_LIMIT', message: new RegExp(name!) }, JSON.stringify(given))
  }
  t.same(
    createLimits({ maxBodyBytes: 0, maxChunkExtensionBytes: 0, maxLeadingEmptyLines: 0, maxInterimResponses: 0 })
      .maxBodyBytes,
    0,
  )
})
