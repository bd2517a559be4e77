import t from 'tap'
import fc from 'fast-check'
import { HEADER, headerName } from '@plimsoll/http1'
import { FORBIDDEN_IN_TRAILERS, headerId, HOP_BY_HOP } from '../src/header-names.ts'

const idOf = (name: string): number => headerId(Buffer.from(name, 'latin1'), 0, name.length)
const KNOWN = Object.values(HEADER).filter(id => id > HEADER.lookAlike)

await t.test('every known name has its id in any case, and the id has its name', async t => {
  for (const id of KNOWN) {
    const name = headerName(id)
    t.match(name, /^[a-z\d]+(-[a-z\d]+)*$/)
    t.equal(idOf(name), id, name)
    t.equal(idOf(name.toUpperCase()), id, name)
    t.equal(idOf(name.replace(/^./, first => first.toUpperCase())), id, name)
  }
  t.equal(new Set(KNOWN.map(headerName)).size, KNOWN.length)
  t.equal(headerName(HEADER.unknown), '')
  t.equal(headerName(HEADER.lookAlike), '')
})

await t.test('a name that differs in one character is not known', async t => {
  const known = new Set(KNOWN.map(headerName))
  const mistaken: string[] = []
  for (const id of KNOWN) {
    const name = headerName(id)
    for (let i = 0; i < name.length; i++) {
      for (const character of "!#$%&'*+.^`|~-0189AZaz") {
        const other = name.slice(0, i) + character + name.slice(i + 1)
        if (!known.has(other.toLowerCase()) && idOf(other) !== HEADER.unknown) mistaken.push(other)
      }
    }
    for (const other of [`${name}x`, `x${name}`, name.slice(1), name.slice(0, -1)]) {
      if (other !== '' && !known.has(other) && idOf(other) !== HEADER.unknown) mistaken.push(other)
    }
  }
  t.same(mistaken, [])
})

await t.test('a known name with underscores for hyphens is a look-alike, whichever of them are replaced', async t => {
  for (const name of ['x_forwarded_for', 'X-Forwarded_For', 'CONTENT_LENGTH', 'transfer_encoding', 'x_real-ip']) {
    t.equal(idOf(name), HEADER.lookAlike, name)
  }
  for (const id of KNOWN) {
    const name = headerName(id)
    if (name.includes('-')) t.equal(idOf(name.replaceAll('-', '_')), HEADER.lookAlike, name)
  }
  for (const name of ['ho_st', '_host', 'x_forwarded_fox', 'content__length', 'my_own_field']) {
    t.equal(idOf(name), HEADER.unknown, name)
  }
  t.equal(HOP_BY_HOP[HEADER.lookAlike], 1)
})

await t.test('any token is known exactly when it is in the table', async () => {
  const known = new Map(KNOWN.map(id => [headerName(id), id]))
  const character = fc.constantFrom(..."!#$%&'*+-.^`|~019AMZamz".split(''))
  fc.assert(
    fc.property(fc.string({ unit: character, minLength: 1, maxLength: 30 }), name => {
      return idOf(name) === (known.get(name.toLowerCase()) ?? HEADER.unknown)
    }),
    { numRuns: 2000 },
  )
})

await t.test(
  'what is hop-by-hop is forbidden in trailers too, and so are framing, routing and credentials',
  async t => {
    for (let id = 0; id < 256; id++) if (HOP_BY_HOP[id] === 1) t.equal(FORBIDDEN_IN_TRAILERS[id], 1, headerName(id))
    for (const key of [
      'host',
      'contentLength',
      'authorization',
      'cookie',
      'setCookie',
      'xForwardedFor',
      'contentType',
    ] as const) {
      t.equal(FORBIDDEN_IN_TRAILERS[HEADER[key]], 1, key)
    }
    for (const key of ['unknown', 'etag', 'serverTiming', 'endpointLoadMetrics'] as const) {
      t.equal(FORBIDDEN_IN_TRAILERS[HEADER[key]], 0, key)
    }
    t.equal(HOP_BY_HOP[HEADER.trailer], 0)
  },
)
