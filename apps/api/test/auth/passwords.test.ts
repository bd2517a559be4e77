// Passwords, their text and their costs: real hashes, of real cost where that's what is asked.
import t from 'tap'
import fc from 'fast-check'
import { randomBytes } from 'node:crypto'
import { FakeClock } from '@plimsoll/testing'
import { ARGON2_PARAMETERS, decoyHash, isOutdated, parametersOf } from '../../src/auth/argon2-parameters.ts'
import { HashSlots } from '../../src/auth/hash-slots.ts'
import { Passwords, type PasswordsOptions } from '../../src/auth/passwords.ts'
import { passwordText } from '../../src/auth/password-text.ts'

t.setTimeout(60_000)

const CHEAP = { memoryKib: 1024, passes: 1, lanes: 1 }

function create(options: Partial<PasswordsOptions> = {}, waiting = 100) {
  const slots = new HashSlots({ slots: 2, rest: 0, maxWaiting: waiting, maxWaitMs: 1000, clock: new FakeClock() })
  return { slots, passwords: new Passwords({ parameters: ARGON2_PARAMETERS, slots, randomBytes, ...options }) }
}

const cheap = create({ parameters: CHEAP }).passwords

await t.test('a hash is Argon2id of the present costs, and each has a salt of its own', async t => {
  const { passwords } = create()
  const [one, two] = await Promise.all([passwords.hash('correct horse'), passwords.hash('correct horse')])
  t.match(one, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
  t.not(one, two)
  t.same(parametersOf(one), ARGON2_PARAMETERS)
  t.same(await passwords.verify(one, 'correct horse'), { matches: true, outdated: false })
  t.same(await passwords.verify(one, 'Correct horse'), { matches: false, outdated: false })
})

await t.test('any text matches its own hash and no other, to its last character', async t => {
  const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 90 })
  await fc.assert(
    fc.asyncProperty(text, text, async (password, other) => {
      const hash = await cheap.hash(password)
      const same = passwordText(password) === passwordText(other)
      return (
        (await cheap.verify(hash, password)).matches &&
        (await cheap.verify(hash, other)).matches === same &&
        !(await cheap.verify(hash, `${password}x`)).matches
      )
    }),
    { numRuns: 60 },
  )
  const long = 'x'.repeat(127)
  const hash = await cheap.hash(`${long}y`)
  t.equal((await cheap.verify(hash, `${long}z`)).matches, false, 'no byte behind the 72nd is forgotten')
  t.equal((await cheap.verify(await cheap.hash('before\0after'), 'before\0other')).matches, false, 'nor behind a zero')
})

await t.test('one text on two keyboards is one password; what looks different is not', async t => {
  const same: [string, string][] = [
    ['caf\u00e9 noir', 'cafe\u0301 noir'],
    ['a\u00a0b\u3000c', 'a b c'],
  ]
  for (const [one, two] of same) t.equal((await cheap.verify(await cheap.hash(one), two)).matches, true, one)
  for (const [one, two] of [
    ['ﬁsh and chips', 'fish and chips'],
    [' padded ', 'padded'],
    ['Straße', 'Strasse'],
  ] as const) {
    t.equal((await cheap.verify(await cheap.hash(one), two)).matches, false, one)
  }
  t.equal(passwordText('x'.repeat(1024)), 'x'.repeat(1024))
  for (const refused of ['x'.repeat(1025), '€'.repeat(342), 'half \ud800', '\udc00 half']) {
    t.equal(passwordText(refused), undefined)
    await t.rejects(cheap.hash(refused), RangeError)
    t.same(await cheap.verify(await cheap.hash('half \ufffd'), refused), { matches: false, outdated: false })
  }
})

await t.test('an account that is not there costs what one costs that is', async t => {
  const { passwords, slots } = create()
  const verdict = passwords.verify(undefined, 'correct horse')
  t.equal(slots.running, 1, 'it takes a slot')
  t.same(await verdict, { matches: false, outdated: false })
  t.same(parametersOf(decoyHash(ARGON2_PARAMETERS, randomBytes)), ARGON2_PARAMETERS)
  // Drawn bytes that are the digest of a password after all: still nobody.
  const known = await cheap.hash('correct horse')
  const [salt = '', digest = ''] = known.split('$').slice(-2)
  const drawn = [Buffer.from(salt, 'base64'), Buffer.from(digest, 'base64')]
  const unlucky = create({ parameters: CHEAP, randomBytes: () => drawn.shift() as Buffer }).passwords
  t.equal((await unlucky.verify(undefined, 'correct horse')).matches, false)
  const full = create({}, 0)
  const running = [full.passwords.verify(undefined, 'a'), full.passwords.verify(undefined, 'b')]
  await t.rejects(full.passwords.verify(undefined, 'c'), { code: 'API_ERR_PASSWORDS_BUSY' })
  await Promise.all(running)
})

await t.test(
  'a hash of lower costs is to be made anew, by whoever knows the password; a dearer one is left',
  async t => {
    const { passwords } = create()
    const old = await cheap.hash('correct horse')
    t.same(await passwords.verify(old, 'correct horse'), { matches: true, outdated: true })
    t.same(await passwords.verify(old, 'wrong horse'), { matches: false, outdated: false })
    const now = ARGON2_PARAMETERS
    for (const [then, outdated] of [
      [now, false],
      [{ ...now, memoryKib: now.memoryKib - 1 }, true],
      [{ ...now, passes: now.passes - 1 }, true],
      [{ ...now, memoryKib: 2 * now.memoryKib, passes: 1 }, false],
      [{ ...now, memoryKib: now.memoryKib / 2, passes: 4 }, true],
      [{ ...now, passes: 3 }, false],
    ] as const) {
      t.equal(isOutdated(decoyHash(then, randomBytes), now), outdated, JSON.stringify(then))
    }
    t.equal(isOutdated('$2b$12$abcdefghijklmnopqrstuv', now), true, 'no hash of ours')
  },
)
