// Passwords that are tried first. A list, given by whoever starts the program, and what needs no list: keys in a row, the same few again and again.
//
// No list is part of the source. The small one below has what a list of millions begins with, so that nothing obvious passes where none is given.

/** Which passwords everybody tries first. */
export interface CommonPasswords {
  /** @param text as `passwordText` gives it */
  has(text: string): boolean
}

/** Figures and signs at the end don't make `password` a good one. */
const TRAILING = /[\d!?.*#@$]{1,4}$/u
/** Shorter ones are refused for their length anyway; what's left without its trailing figures may be shorter. */
const MIN_STEM = 5

/** Where a finger goes next: keys in a row, alphabet, figures. */
const ROWS = [
  'abcdefghijklmnopqrstuvwxyz',
  '01234567890',
  'qwertyuiop',
  'asdfghjkl',
  'zxcvbnm',
  'qwertzuiop',
  'yxcvbnm',
  'azertyuiop',
  'qsdfghjklm',
  'wxcvbn',
  '1qaz2wsx3edc4rfv5tgb6yhn7ujm',
  'qazwsxedcrfvtgbyhnujm',
  '1q2w3e4r5t6y7u8i9o0p',
  'q1w2e3r4t5y6u7i8o9p0',
]
const RUNS = [...ROWS, ...ROWS.map(row => row.split('').toReversed().join(''))]
/** Neighbours by which a run is known: of two, any text has some. */
const RUN_LENGTH = 3

const WORDS = `
  password passw0rd p4ssword p@ssword p@ssw0rd pa55word pass1234 passpass passwort motdepasse contrasena senha123 parola wachtwoord
  iloveyou iloveu123 loveyou lovely lovelove princess princesa sunshine football baseball basketball superman batman spiderman
  starwars pokemon minecraft trustno1 welcome letmein changeme secret computer internet samsung master dragon monkey shadow
  michael jennifer jessica michelle charlie jordan23 daniel thomas andrew joshua ashley amanda nicole hunter buster soccer hockey
  killer george summer winter autumn spring flower butterfly chocolate whatever freedom ginger pepper cheese cookie banana orange
  purple silver golden diamond phoenix mustang ferrari porsche mercedes corvette yamaha harley liverpool arsenal chelsea barcelona
  juventus manchester administrator admin123 adminadmin administrador root1234 toor1234 guest123 user1234 username default testtest
  test1234 temp1234 login123 access access14 mynoob google facebook youtube twitter linkedin microsoft windows apple123 android
  matrix maverick midnight victoria elizabeth alexander christian benjamin jonathan stephanie samantha caroline veronica patricia
  hello123 hellohello helloworld babygirl sweetheart beautiful angel123 jesus123 jesuschrist godisgood blessed forever together
  bigdaddy blink182 rockstar metallica slipknot nirvana eminem scooter marlboro corona budweiser snickers snoopy tinkerbell mickey
  rainbow unicorn dolphin elephant tiger123 lion1234 panther eagles cowboys steelers yankees redsox lakers warriors zaq12wsx
  a1b2c3d4 abcd1234 abc12345 aa123456 a1234567 qwer1234 asdf1234 zxcv1234 1234qwer 123qweasd qweasdzxc 1qazxsw2 qwe123qwe 147258369
  159357456 741852963 789456123 987654321 123123123 112233445566 11223344 12344321 13579246 24681357 31415926 27182818 20202020
  correcthorsebatterystaple letmeinnow openup opensesame abracadabra iamgod ihateyou fuckyou fuckyou1 asshole bullshit whoknows
`

/**
 * @param lines one password each, whatever its case; empty ones are passed over
 */
export function createCommonPasswords(lines: Iterable<string> = []): CommonPasswords {
  const listed = new Set<string>()
  for (const line of lines) {
    const password = fold(line.trim())
    if (password !== '') listed.add(password)
  }
  const words = new Set(WORDS.trim().split(/\s+/).map(fold))
  return {
    has(text) {
      const folded = fold(text)
      if (listed.has(folded) || words.has(folded)) return true
      const stem = folded.replace(TRAILING, '')
      return (stem.length >= MIN_STEM && words.has(stem)) || isPattern(folded)
    },
  }
}

/** Case doesn't make it better; a space at either end neither. */
function fold(text: string): string {
  return text.trim().normalize('NFC').toLowerCase()
}

/** Made of few characters, of the same piece again and again, or of runs of keys only. */
function isPattern(text: string): boolean {
  if (new Set(text).size <= 2 || isRepeated(text)) return true
  let at = 0
  while (at < text.length) {
    const length = runAt(text, at)
    if (length < RUN_LENGTH) return false
    at += length
  }
  return true
}

/** A piece of at most four characters, again and again. */
function isRepeated(text: string): boolean {
  const MAX_PIECE = 4
  for (let piece = 1; piece <= MAX_PIECE; piece += 1) {
    if (text.length >= 2 * piece && text.repeat(2).startsWith(text, piece) && text.length % piece === 0) return true
  }
  return false
}

/** Longest run of neighbouring keys that begins here. */
function runAt(text: string, from: number): number {
  let longest = 1
  for (const run of RUNS) {
    for (let start = run.indexOf(text[from] ?? ''); start !== -1; start = run.indexOf(text[from] ?? '', start + 1)) {
      let length = 1
      while (from + length < text.length && run[start + length] === text[from + length]) length += 1
      if (length > longest) longest = length
    }
  }
  return longest
}
