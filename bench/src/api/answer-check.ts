// Whether an answer is the right one: it begins as it has to, and where it may not change it's the text that came the first time, whatever its coding.
//
// Most answers are the bytes of the one before them, and comparing those is all that's done for them: a client that decompressed each would be what's measured.
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { type Answer, fieldOf } from './answer-reader.ts'
import type { Ask } from './asker-protocol.ts'

interface Known {
  readonly text: string
  /** Of an answer that was found right. */
  bytes: Buffer
}

export class AnswerCheck {
  readonly #known = new Map<string, Known>()

  /** @throws Error for a wrong one */
  check({ path, begins }: Ask, answer: Answer, stable: boolean): void {
    const known = stable ? this.#known.get(path) : undefined
    if (known?.bytes.equals(answer.body) === true) return
    const text = textOf(answer)
    if (!text.startsWith(begins)) throw new Error(`${path} is to begin with ${begins}, but is ${shown(text)}`)
    if (known === undefined) {
      assertJson(path, text)
      if (stable) this.#known.set(path, { text, bytes: answer.body })
    } else if (known.text === text) known.bytes = answer.body
    else throw new Error(`${path} was ${shown(known.text)} and now is ${shown(text)}`)
  }
}

function textOf(answer: Answer): string {
  const coding = fieldOf(answer.head, 'content-encoding')
  switch (coding) {
    case null:
      return answer.body.toString('utf8')
    case 'br':
      return brotliDecompressSync(answer.body).toString('utf8')
    case 'gzip':
      return gunzipSync(answer.body).toString('utf8')
    default:
      throw new Error(`an answer in a coding that nobody asked for: ${coding}`)
  }
}

function assertJson(path: string, text: string): void {
  try {
    JSON.parse(text)
  } catch {
    throw new Error(`${path} isn't JSON: ${shown(text)}`)
  }
}

function shown(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}...` : text
}
