import t from 'tap'
import fc from 'fast-check'
import { createCommonPasswords, mostUsedPasswords } from '../../src/auth/common-passwords.ts'
import { PASSWORD_FAULTS, passwordFault } from '../../src/auth/password-policy.ts'

const NONE = { has: () => false }
const common = createCommonPasswords()

await t.test('8 to 128 characters of any kind, counted as people count them', async t => {
  for (const [password, fault] of [
    ['1234567', 'too-short'],
    ['12345678', undefined],
    ['😀'.repeat(7), 'too-short'],
    ['😀'.repeat(8), undefined],
    ['😀'.repeat(128), undefined],
    ['e\u0301'.repeat(7), 'too-short'],
    ['e\u0301'.repeat(128), undefined],
    ['x'.repeat(128), undefined],
    ['x'.repeat(129), 'too-long'],
    ['x'.repeat(1025), 'not-text'],
    ['eight \ud800 characters', 'not-text'],
    ['        ', undefined],
    ['', 'too-short'],
  ] as const) {
    t.equal(passwordFault(password, NONE), fault, JSON.stringify(password.slice(0, 20)))
  }
  t.same(Object.keys(PASSWORD_FAULTS), ['not-text', 'too-short', 'too-long', 'common'])
})

await t.test('any text of that length passes that nobody tries: no rule asks for figures or signs', async () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme-composite', maxLength: 200 }), password => {
      const fault = passwordFault(password, NONE)
      const length = Array.from(password.normalize('NFC')).length
      if (Buffer.byteLength(password) > 1024) return fault === 'not-text'
      return fault === (length < 8 ? 'too-short' : length > 128 ? 'too-long' : undefined)
    }),
    { numRuns: 300 },
  )
})

await t.test('what is tried first is refused, whatever its case and with figures at its end', async t => {
  for (const password of [
    'password',
    'PassWord',
    'Summer2024!',
    'password1',
    'Password123!',
    'iloveyou',
    'sunshine99',
    'p@ssw0rd',
    'trustno1',
    '12345678',
    '87654321',
    'aaaaaaaa',
    'abababab',
    'abcabcabc',
    '20262026',
    'qwertyui',
    'qwertz123',
    'asdfghjkl',
    'abcdefgh',
    '1q2w3e4r',
    '1qaz2wsx',
    'zxcvbnm123',
    'abc12345',
    'qwerty123456',
    '123456789012345678901234567890',
  ]) {
    t.equal(passwordFault(password, common), 'common', password)
  }
  for (const password of [
    'correct horse battery staple',
    'passwords are a nuisance',
    'Tr0ub4dor&3',
    'zwölf Boxkämpfer',
    'my dog eats 12 shoes',
    'kestrel-mango-91',
    'ходит дурачок',
  ]) {
    t.equal(passwordFault(password, common), undefined, password)
  }
})

await t.test('of the 3000 that are most used none may be chosen', async t => {
  const mostUsed = mostUsedPasswords().slice(0, 3000)
  const long = mostUsed.filter(password => password.length >= 8)
  t.ok(mostUsed.length === 3000 && long.length > 600, 'the list is there')
  t.same(
    long.filter(password => passwordFault(password, common) !== 'common'),
    [],
  )
  t.same(
    mostUsed.filter(password => passwordFault(password, common) === undefined),
    [],
    'nor a shorter one',
  )
})

await t.test('the list is asked for when a password is looked at, once, and taken in any case', async t => {
  let asked = 0
  const listed = createCommonPasswords(() => {
    asked += 1
    return ['Kestrel-Mango', 'gnu', 'falcon', '', 'ünïcödé pässword']
  })
  t.equal(asked, 0)
  t.equal(passwordFault('kestrel-mango', listed), 'common')
  t.equal(passwordFault('KESTREL-MANGO', listed), 'common')
  t.equal(passwordFault('u\u0308ni\u0308co\u0308de\u0301 pa\u0308ssword', listed), 'common', 'composed or not')
  t.equal(passwordFault('Falcon-2031', listed), undefined)
  t.equal(passwordFault('Falcon2031!', listed), 'common', 'a short one with figures behind it')
  t.equal(passwordFault('gnu2031!', listed), undefined, 'three letters are part of anything')
  t.equal(passwordFault('kestrel mango', listed), undefined)
  t.equal(asked, 1)
})
