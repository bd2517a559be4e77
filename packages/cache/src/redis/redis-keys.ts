// Names in Redis. Any JavaScript string becomes a key, and two different ones never the same.
//
//     <prefix>e:=<namespace> NUL =<key>         an entry
//     <prefix>e:=<namespace> NUL #<digest>      an entry whose key is longer than 512 bytes or ill-formed
//     <prefix>l:=<key>                          a lease, with the same two forms
//     <prefix>log, <prefix>log:at, <prefix>bell the log, its numbering, its doorbell
//
// Text is sent as UTF-8, in which every lone surrogate is U+FFFD: such strings go by the digest of their UTF-16. The marks keep a key that looks like a digest
// apart from one. A namespace's name has no NUL (an ill-formed one goes by its digest as well), so none begins with another's.
import { createHash } from 'node:crypto'

const MAX_KEY_BYTES = 512
/** A UTF-16 unit takes at most 3 bytes in UTF-8. */
const SURELY_SHORT = Math.floor(MAX_KEY_BYTES / 3)

export class RedisKeys {
  readonly log: string
  readonly logPosition: string
  readonly bell: string
  readonly #prefix: string
  readonly #heads = new Map<string, string>()

  constructor(prefix: string) {
    this.#prefix = prefix
    this.log = `${prefix}log`
    this.logPosition = `${prefix}log:at`
    this.bell = `${prefix}bell`
  }

  entry(namespace: string, key: string): string {
    return this.#head(namespace) + name(key)
  }

  lease(key: string): string {
    return `${this.#prefix}l:${name(key)}`
  }

  /** A pattern of SCAN for the entries of one namespace, or of all. */
  entriesPattern(namespace: string | undefined): string {
    const head = namespace === undefined ? `${this.#prefix}e:` : this.#head(namespace)
    return `${head.replaceAll(/[\\*?[\]]/g, String.raw`\$&`)}*`
  }

  /** Namespaces are few and known when the program is written. */
  #head(namespace: string): string {
    let head = this.#heads.get(namespace)
    if (head === undefined) {
      head = `${this.#prefix}e:${name(namespace)}\0`
      this.#heads.set(namespace, head)
    }
    return head
  }
}

function name(text: string): string {
  const fits = text.length <= SURELY_SHORT || Buffer.byteLength(text) <= MAX_KEY_BYTES
  if (fits && text.isWellFormed()) return `=${text}`
  return `#${createHash('sha256').update(text, 'utf16le').digest('base64url')}`
}
