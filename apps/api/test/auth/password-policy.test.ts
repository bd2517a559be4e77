import t from 'tap'
import fc from 'fast-check'
import { createCommonPasswords } from '../../src/auth/common-passwords.ts'
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

await t.test('a list that is given counts as well, in any case and with any end of line', async t => {
  const listed = createCommonPasswords(['Kestrel-Mango\r', '', '  ', 'ünïcödé pässword'])
  t.equal(passwordFault('kestrel-mango', listed), 'common')
  t.equal(passwordFault('KESTREL-MANGO', listed), 'common')
  t.equal(passwordFault('u\u0308ni\u0308co\u0308de\u0301 pa\u0308ssword', listed), 'common', 'composed or not')
  t.equal(passwordFault('kestrel mango', listed), undefined)
  t.equal(passwordFault('password1', listed), 'common', 'beside the own ones')
})
