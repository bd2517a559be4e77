// What production refuses as a secret: what's written in documents and tried first, and what nobody has drawn at random.
//
//   passwords of servers     what they came with, words of our documents, the name of the role or of the database, figures, keys in a row
//   tokens and signing keys  the same, and what's too short or has too little in it: nobody has to remember these, so they can be random
//
// A problem is one sentence with the option and the reason, never with the secret or a part of it.
import { createCommonPasswords } from '../auth/common-passwords.ts'
import { readKeyring, type Keyring } from '../auth/keyring.ts'
import { SetupError } from '../errors.ts'

export interface Secrets {
  readonly database: { readonly url: string; readonly directUrl?: string | undefined }
  readonly cache: { readonly redisPassword?: string | undefined }
  readonly http: { readonly operatorToken?: string | undefined }
  readonly controlToken?: string | undefined
  readonly auth: { readonly keys?: string | undefined; readonly keysFile?: string | undefined }
}

/** 128 bits in base64url. */
const MIN_TOKEN_LENGTH = 22
/** Of 32 random hexadecimal figures fewer are different once in 10^7 tokens; of 22 characters of base64url never. */
const MIN_DISTINCT_CHARACTERS = 8
/** 32 random bytes have 30 different ones. */
const MIN_DISTINCT_BYTES = 16
/** Longer ones aren't looked at word by word: nobody writes them. */
const MAX_WORDS_LENGTH = 256

/** What passwords and tokens of documents, images and tutorials are made of; with figures between, and `0` for `o`. */
const WORDS = new Set(
  `a access admin administrator alice an and api app auth be bob change changed changeit changeme chat control database db default demo dev development docker dummy
   env example fake fix foo foobar foobared bar baz for from guest hello help here hunter hush i in insecure is it jwt key keys lb length let letmein local localhost
   long main master me monitor my new no none not of on one only open operator or our owner pass passphrase passwd password passwort pg phrase placeholder please
   plimsoll postgres postgresql pw pwd prod production qwerty random real redis replace replica reporting root sa safe sample secret secrets secure service session
   set sign signing some staging string strong super sure system temp temporary test tester testing tests text thing this to todo token tokens toor top trustno
   unsafe unknown use user users valkey value very wallet welcome with word world xxx yes you your zzz`
    .trim()
    .split(/\s+/),
)
/** Shorter ones are in any text. */
const MIN_WORD = 3
/** How letters are hidden. */
const LOOK_ALIKES: Readonly<Record<string, string>> = {
  0: 'o',
  1: 'i',
  3: 'e',
  4: 'a',
  5: 's',
  7: 't',
  $: 's',
  '@': 'a',
  '!': 'i',
}

/** What's wrong with the secrets of a configuration for production, one sentence each. */
export function defaultSecrets({ database, cache, http, controlToken, auth }: Secrets): string[] {
  const { operatorToken } = http
  return [
    ...weakPassword('database.url', passwordOf(database.url), namesOf(database.url)),
    ...(database.directUrl === undefined
      ? []
      : weakPassword('database.directUrl', passwordOf(database.directUrl), namesOf(database.directUrl))),
    ...weakPassword('cache.redisPassword', cache.redisPassword, []),
    ...weakToken('http.operatorToken', operatorToken),
    ...weakToken('controlToken', controlToken),
    ...(operatorToken !== undefined && operatorToken === controlToken
      ? ['http.operatorToken and controlToken are the same, which is not for production: whoever has one has both']
      : []),
    ...weakSigning(auth),
  ]
}

/** What's wrong with the keys by themselves, wherever they were read; empty: nothing. */
export function weakKeys({ keys }: Keyring): string[] {
  return [...keys].flatMap(([id, bytes]) => {
    const weakness = weaknessOfKey(bytes)
    return weakness === undefined ? [] : [`the signing key "${id}" is not for production: ${weakness}; ${MAKE_ONE}`]
  })
}

const MAKE_ONE = 'make a random one, SECURITY.md has the command'

function weakSigning({ keys, keysFile }: Secrets['auth']): string[] {
  if (keys === undefined) {
    return keysFile === undefined
      ? [
          `auth.keys or auth.keysFile has to be given in production: keys made up at the start end with it, and no other machine has them; ${MAKE_ONE}`,
        ]
      : []
  }
  try {
    return weakKeys(readKeyring(keys)).map(problem => `auth.keys: ${problem}`)
  } catch (error) {
    if (!(error instanceof SetupError)) throw error
    return [`auth.keys: ${error.message}`]
  }
}

function weakToken(option: string, token: string | undefined): string[] {
  if (token === undefined) return []
  const weakness = weaknessOfToken(token)
  return weakness === undefined ? [] : [`${option} is not for production: ${weakness}; ${MAKE_ONE}`]
}

/** No password is none to guess: the server knows its clients by something else. */
function weakPassword(option: string, password: string | undefined, names: readonly string[]): string[] {
  if (password === undefined || password === '' || !isTriedFirst(password, names)) return []
  return [
    `${option} is not for production: its password is one of those that are tried first; give the server a random one`,
  ]
}

function weaknessOfToken(token: string): string | undefined {
  if (token.length < MIN_TOKEN_LENGTH) return `it has fewer than ${MIN_TOKEN_LENGTH} characters`
  if (new Set(token).size < MIN_DISTINCT_CHARACTERS || isRepeated(token)) return 'it is the same few characters again'
  if (isTriedFirst(token, [])) return 'it is made of words that are tried first'
  return undefined
}

function weaknessOfKey(bytes: Buffer): string | undefined {
  // What stands in the file, and what it decodes to: either may have been a text.
  for (const text of [bytes.toString('base64url'), bytes.toString('latin1')]) {
    if (isRepeated(text)) return 'it is the same few characters again'
    if (isTriedFirst(text, [])) return 'it is made of words that are tried first'
  }
  // Somebody drew characters, not bytes.
  const isText = /^[ -~]*$/.test(bytes.toString('latin1'))
  const least = isText ? MIN_DISTINCT_CHARACTERS : MIN_DISTINCT_BYTES
  return new Set(bytes).size < least ? 'it has too few different bytes to be random' : undefined
}

const keyboard = createCommonPasswords(() => [])

function isTriedFirst(text: string, names: readonly string[]): boolean {
  if (keyboard.has(text) || isRepeated(text) || /^\d{1,21}$/.test(text)) return true
  if (text.length > MAX_WORDS_LENGTH) return false
  const words = new Set([...WORDS, ...names.map(lettersOf)])
  const disguised = text.replace(/[013457$@!]/g, sign => LOOK_ALIKES[sign] ?? sign)
  return [text, disguised].some(spelling => isMadeOf(lettersOf(spelling), words))
}

function lettersOf(text: string): string {
  return text
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]/gu, '')
}

/** Whether a text is words from end to end, with figures and short words between: half of it is of three letters or more. (Figures alone come about by chance.) */
function isMadeOf(text: string, words: ReadonlySet<string>): boolean {
  // By places that a row of words leads to: most characters of it that are in a word worth the name.
  const covered = new Map([[0, 0]])
  const reach = (to: number, count: number) => covered.set(to, Math.max(count, covered.get(to) ?? 0))
  for (let from = 0; from < text.length; from += 1) {
    const count = covered.get(from)
    if (count === undefined) continue
    if (/^\d$/.test(text[from] ?? '')) reach(from + 1, count)
    for (const word of words)
      if (word !== '' && text.startsWith(word, from))
        reach(from + word.length, count + (word.length < MIN_WORD ? 0 : word.length))
  }
  return (covered.get(text.length) ?? 0) * 2 >= Math.max(1, text.length)
}

/** A piece again and again, whole to its end or cut off there. */
function isRepeated(text: string): boolean {
  for (let piece = 1; piece <= text.length / 2; piece += 1) if (text.startsWith(text.slice(piece))) return true
  return false
}

/** In both places where the driver looks for it. */
function passwordOf(url: string): string | undefined {
  const { password, searchParams } = urlOf(url) ?? {}
  return decoded(password ?? '') || (searchParams?.get('password') ?? undefined)
}

/** What a lazy password repeats: the role, the database, the host. */
function namesOf(url: string): readonly string[] {
  const { username = '', pathname = '', hostname = '' } = urlOf(url) ?? {}
  return [decoded(username), decoded(pathname), ...hostname.split('.')]
}

function urlOf(url: string): URL | undefined {
  return URL.canParse(url) ? new URL(url) : undefined
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
