// Access tokens, and every way of forging one that has ever worked somewhere: each is refused with one error that doesn't tell which it was.
import t from 'tap'
import fc from 'fast-check'
import { createHmac, generateKeyPairSync, sign as cryptoSign } from 'node:crypto'
import { ApiError } from '../../src/errors.ts'
import { AccessTokens, MAX_ACCESS_TOKEN_LIFE_MS } from '../../src/auth/access-tokens.ts'
import type { Keyring } from '../../src/auth/keyring.ts'

const A = Buffer.alloc(32, 'a')
const B = Buffer.alloc(32, 'b')
const START_MS = Date.parse('2026-03-01T12:00:00.500Z')
const START_S = Math.floor(START_MS / 1000)
const ISSUER = 'https://api.example.org'
const AUDIENCE = 'plimsoll'

const ring = (sign: string, keys: Record<string, Buffer>): Keyring => ({ sign, keys: new Map(Object.entries(keys)) })

function create(keyring = ring('a', { a: A }), lifeMs = MAX_ACCESS_TOKEN_LIFE_MS) {
  const clock = { ms: START_MS, now: () => clock.ms }
  const options = { issuer: ISSUER, audience: AUDIENCE, lifeMs, keyring, maxVerified: 100, clock }
  return { clock, tokens: new AccessTokens(options) }
}

const encode = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
const HEADER = { alg: 'HS256', typ: 'at+jwt', kid: 'a' }
const PAYLOAD = { sub: '7', sid: '12', aud: AUDIENCE, iss: ISSUER, iat: START_S, exp: START_S + 900 }

/** Signed rightly with the key `a`, whatever it says. */
function forged(header: unknown, payload: unknown, key: string | Buffer = A, hash = 'sha256'): string {
  const input = `${encode(header)}.${encode(payload)}`
  return `${input}.${createHmac(hash, key).update(input).digest('base64url')}`
}

function refusal(tokens: AccessTokens, token: string): ApiError {
  try {
    tokens.verify(token)
  } catch (error) {
    if (error instanceof ApiError) return error
    throw error
  }
  throw new Error(`accepted: ${token}`)
}

await t.test('a token says who is signed in, until it expires and not a moment longer', async t => {
  const { clock, tokens } = create()
  const { token, expiresAtMs } = tokens.sign(7, 12)
  t.equal(expiresAtMs, (START_S + 900) * 1000)
  t.equal(token, forged(HEADER, PAYLOAD), 'to the byte: releases that serve side by side read the same')
  t.same(tokens.verify(token), { userId: 7, familyId: 12, expiresAtMs })
  clock.ms = expiresAtMs - 1
  t.same(tokens.verify(token).userId, 7)
  clock.ms = expiresAtMs
  t.equal(refusal(tokens, token).code, 'API_ERR_ACCESS_TOKEN', 'though its signature is known to be good')
  clock.ms = START_MS - 60_000
  t.equal(refusal(tokens, token).code, 'API_ERR_ACCESS_TOKEN', 'not before it was signed')
  clock.ms = START_MS - 4000
  t.equal(tokens.verify(token).userId, 7, 'but for clocks that differ by seconds')
  t.throws(() => create(ring('a', { a: A }), MAX_ACCESS_TOKEN_LIFE_MS + 1), RangeError)
  t.throws(() => create(ring('a', { a: A }), 0), RangeError)
  t.throws(() => create(ring('b', { a: A })), { code: 'API_ERR_SIGNING_KEYS' })
})

await t.test('ids come back as they went in', async () => {
  const { tokens } = create()
  const id = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })
  fc.assert(
    fc.property(id, id, (userId, familyId) => {
      const claims = tokens.verify(tokens.sign(userId, familyId).token)
      return claims.userId === userId && claims.familyId === familyId
    }),
    { numRuns: 100 },
  )
})

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const ed = generateKeyPairSync('ed25519')
const publicPem = rsa.publicKey.export({ type: 'spki', format: 'pem' })
const jwk = { kty: 'oct', k: B.toString('base64url'), alg: 'HS256', kid: 'a' }
const asymmetric = (alg: string, key: typeof rsa.privateKey, hash: string | null): string => {
  const input = `${encode({ ...HEADER, alg })}.${encode(PAYLOAD)}`
  return `${input}.${cryptoSign(hash, Buffer.from(input), key).toString('base64url')}`
}
const good = forged(HEADER, PAYLOAD)
const [goodHeader = '', goodPayload = '', goodSignature = ''] = good.split('.')
const claims = (changed: Record<string, unknown>): string => forged(HEADER, { ...PAYLOAD, ...changed })
const header = (changed: Record<string, unknown>, key?: Buffer | string): string =>
  forged({ ...HEADER, ...changed }, PAYLOAD, key)

const FORGED: Record<string, string> = {
  // What isn't one at all.
  nothing: '',
  'one dot': '.',
  'two dots': '..',
  'only a header': goodHeader,
  'two parts': `${goodHeader}.${goodPayload}`,
  'four parts': `${good}.${goodSignature}`,
  'four parts, the last one good': `${goodHeader}.${goodPayload}.x.${goodSignature}`,
  'a space before it': ` ${good}`,
  'a line end after it': `${good}\n`,
  padding: `${good}=`,
  'another alphabet': `${goodHeader}.${goodPayload}.${'+/'.repeat(21)}+`,
  'two kilobytes': claims({ more: 'x'.repeat(2000) }),
  'a kilobyte of dots': '.'.repeat(1000),
  'a payload that is no JSON': forged(HEADER, '{'),
  'a payload that is a list': forged(HEADER, []),
  'a payload that is null': forged(HEADER, 'null'),
  // Algorithms. CVE-2015-9235, CVE-2016-5431 and their many returns.
  none: `${encode({ ...HEADER, alg: 'none' })}.${goodPayload}.`,
  'none, signed': header({ alg: 'none' }),
  None: `${encode({ ...HEADER, alg: 'None' })}.${goodPayload}.`,
  'no signature': `${goodHeader}.${goodPayload}.`,
  'no algorithm': forged({ typ: 'at+jwt', kid: 'a' }, PAYLOAD),
  HS512: forged({ ...HEADER, alg: 'HS512' }, PAYLOAD, A, 'sha512'),
  hs256: header({ alg: 'hs256' }),
  'a list of algorithms': header({ alg: ['HS256'] }),
  'RS256, signed rightly': asymmetric('RS256', rsa.privateKey, 'sha256'),
  'EdDSA, signed rightly': asymmetric('EdDSA', ed.privateKey, null),
  'HS256 by a public key': header({}, publicPem),
  'HS256 by an empty key': header({}, ''),
  'HS256 by the id of the key': header({}, 'a'),
  // Keys.
  'an unknown key': header({ kid: 'b' }, B),
  'no key named': forged({ alg: 'HS256', typ: 'at+jwt' }, PAYLOAD),
  'a key named by a path': header({ kid: '../../../../dev/null' }, ''),
  'a key named by SQL': header({ kid: "x' union select 'b' --" }, 'b'),
  'a key named as what objects have': header({ kid: '__proto__' }, ''),
  'a key named by a number': header({ kid: 1 }),
  'a key named by a list': header({ kid: ['a'] }),
  'a key in another case': header({ kid: 'A' }),
  'a key brought along': header({ jwk }, B),
  'a key to be fetched': header({ jku: 'https://evil.example/keys.json' }, B),
  'a certificate to be fetched': header({ x5u: 'https://evil.example/cert.pem' }, B),
  'a certificate brought along': header({ x5c: ['MIIB'] }, B),
  // The rest of the header.
  'crit that we do not know': header({ crit: ['exp'], exp: 1 }),
  'crit that is empty': header({ crit: [] }),
  'crit that is null': header({ crit: null }),
  'a member more': header({ zip: 'DEF' }),
  'b64 of RFC 7797': header({ b64: false, crit: ['b64'] }),
  'another type': header({ typ: 'JWT' }),
  'no type': forged({ alg: 'HS256', kid: 'a' }, PAYLOAD),
  'a type in capitals': header({ typ: 'AT+JWT' }),
  'a member twice': forged('{"alg":"none","alg":"HS256","typ":"at+jwt","kid":"a"}', PAYLOAD),
  'a header in another order': forged({ kid: 'a', typ: 'at+jwt', alg: 'HS256' }, PAYLOAD),
  'a header with a space': forged('{"alg":"HS256", "typ":"at+jwt","kid":"a"}', PAYLOAD),
  // Claims, signed with the right key.
  'another issuer': claims({ iss: 'https://evil.example' }),
  'no issuer': claims({ iss: undefined }),
  'a list of issuers': claims({ iss: [ISSUER] }),
  'another audience': claims({ aud: 'balancer' }),
  'no audience': claims({ aud: undefined }),
  'ours among other audiences': claims({ aud: ['balancer', AUDIENCE] }),
  'no subject': claims({ sub: undefined }),
  'a subject that is a number': claims({ sub: 7 }),
  'a subject that is none': claims({ sub: '0' }),
  'a subject below zero': claims({ sub: '-7' }),
  'a subject with a space': claims({ sub: '7 ' }),
  'a subject beyond what is exact': claims({ sub: '9007199254740993' }),
  'a subject in SQL': claims({ sub: '7 or 1=1' }),
  'no session': claims({ sid: undefined }),
  'a session that is an object': claims({ sid: { $gt: '' } }),
  expired: claims({ iat: START_S - 901, exp: START_S - 1 }),
  'expired this very moment': claims({ iat: START_S - 900, exp: START_S }),
  'no expiry': claims({ exp: undefined }),
  'an expiry that is text': claims({ exp: String(START_S + 900) }),
  'an expiry without end': forged(HEADER, JSON.stringify(PAYLOAD).replace(/"exp":\d+/, '"exp":1e999')),
  'an expiry in fractions': claims({ exp: START_S + 0.5 }),
  'a life over 15 minutes': claims({ exp: START_S + 901 }),
  'no time of signing': claims({ iat: undefined }),
  'signed in the future': claims({ iat: START_S + 60 }),
  'not valid yet': claims({ nbf: START_S + 60 }),
  'a beginning that is text': claims({ nbf: '0' }),
  'a beginning of null': claims({ nbf: null }),
}

await t.test('each forged token is refused, and all in the same words', async t => {
  const { tokens } = create()
  t.equal(tokens.verify(good).userId, 7, 'what they are made of is good')
  t.equal(tokens.verify(claims({ nbf: START_S, more: 'of a later release' })).userId, 7)
  const seen = new Set<string>()
  for (const [what, token] of Object.entries(FORGED)) {
    try {
      const { code, status, message, issues, retryAfterS } = refusal(tokens, token)
      seen.add(JSON.stringify({ code, status, message, issues, retryAfterS }))
    } catch (error) {
      t.fail(`${what}: ${String(error)}`)
    }
  }
  t.equal(seen.size, 1)
  t.match([...seen][0], /"API_ERR_ACCESS_TOKEN","status":401/)
})

await t.test('no change of a character leaves a token good', async t => {
  const { tokens } = create()
  const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  // The last character of the signature whole: it has two bits that decoders don't look at.
  for (const last of ALPHABET) {
    if (!good.endsWith(last)) t.equal(refusal(tokens, good.slice(0, -1) + last).status, 401, last)
  }
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(good.length - 1), fc.constantFrom(...ALPHABET.split(''), '.', '=', ' ', '\0', 'é')), {
        minLength: 1,
        maxLength: 3,
      }),
      changes => {
        const text = good.split('')
        for (const [at, character] of changes) text[at] = character
        const changed = text.join('')
        return changed === good || refusal(tokens, changed).code === 'API_ERR_ACCESS_TOKEN'
      },
    ),
    { numRuns: 1000 },
  )
})

await t.test('any text is refused in the same way, and nothing else is thrown', async () => {
  const { tokens } = create()
  const part = fc.oneof(fc.constantFrom(goodHeader, goodPayload, goodSignature, ''), fc.base64String(), fc.string())
  fc.assert(
    fc.property(fc.array(part, { maxLength: 5 }), parts => {
      const text = parts.join('.')
      return text === good || refusal(tokens, text).code === 'API_ERR_ACCESS_TOKEN'
    }),
    { numRuns: 500 },
  )
})

await t.test('keys are exchanged while tokens of both are on their way', async t => {
  const { tokens } = create()
  const old = tokens.sign(7, 12).token
  tokens.replaceKeys(ring('a', { a: A, b: B }))
  t.equal(tokens.sign(7, 12).token, old, 'known, and not signed with yet')
  tokens.replaceKeys(ring('b', { a: A, b: B }))
  const next = tokens.sign(7, 12).token
  t.not(next, old)
  t.equal(tokens.verify(old).userId, 7)
  t.equal(tokens.verify(next).userId, 7)
  t.equal(
    refusal(tokens, forged({ ...HEADER, kid: 'b' }, PAYLOAD, A)).status,
    401,
    'the id of one, signed with another',
  )
  tokens.replaceKeys(ring('b', { b: B }))
  t.equal(refusal(tokens, old).status, 401, 'retired')
  t.equal(tokens.verify(next).userId, 7)
  t.throws(() => tokens.replaceKeys(ring('c', { b: B })), { code: 'API_ERR_SIGNING_KEYS' })
  t.equal(tokens.verify(next).userId, 7, 'unusable keys change nothing')
})
