// Random request streams: valid ones, whose answers are known, and mutated ones, of which nothing is known but the invariants.
import type { SeededRandom } from '@plimsoll/testing'

/** A client's mark, with a check: half of one, or two grown together, are no mark. */
export function markOf(client: number): string {
  return `m${client}k${checkOf(client)}m`
}

/** All whole marks in some bytes. */
export function marksIn(bytes: Buffer | string): Set<string> {
  const found = new Set<string>()
  for (const [mark, client, check] of bytes.toString('latin1').matchAll(/m(0|[1-9]\d*)k([0-9a-z]+)m/g))
    if (check === checkOf(Number(client))) found.add(mark)
  return found
}

function checkOf(client: number): string {
  return (Math.imul(client + 1, 2_654_435_761) >>> 0).toString(36)
}

/** One valid request and what the origin must see of it. */
export interface MadeRequest {
  readonly bytes: string
  readonly method: string
  readonly target: string
  readonly body: string
}

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'REPORT']

/** A valid request that keeps its connection. `mark` is in target, field and body. */
export function makeRequest(random: SeededRandom, mark: string): MadeRequest {
  const method = random.pick(METHODS)
  const target = `/${mark}${random.pick(['', '/a/b', '?q=1', '//x', '/%41;p=1'])}`
  const fields = [`Host: ${random.pick(['a.test', 'a.test:8080', '[::1]'])}`, `X-T: ${mark}`]
  for (let i = random.integer(0, 6); i > 0; i--)
    fields.push(
      random.pick([
        'Accept: */*',
        'Cookie: a=b',
        'X-A:  padded ',
        'Connection: keep-alive',
        'TE: trailers',
        'X-Empty:',
        `X-Long: ${'l'.repeat(random.integer(0, 900))}`,
      ]),
    )
  const size = random.pick([0, 0, 0, 1, 5, 100, 3000, 70_000])
  const text = size === 0 ? '' : mark.repeat(Math.ceil(size / mark.length)).slice(0, size)
  const framing = size === 0 ? random.pick(['none', 'length']) : random.pick(['length', 'chunked'])
  let body = text
  if (framing === 'length') fields.push(`Content-Length: ${text.length}`)
  if (framing === 'chunked') {
    fields.push('Transfer-Encoding: chunked')
    body = chunked(random, text)
  }
  if (framing !== 'none' && size > 0 && random.next() < 0.1) fields.push('Expect: 100-continue')
  const lines = random.shuffle(fields)
  return { bytes: `${method} ${target} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${body}`, method, target, body: text }
}

function chunked(random: SeededRandom, text: string): string {
  let out = ''
  for (let at = 0; at < text.length;) {
    const size = Math.min(text.length - at, random.pick([1, 7, 100, 5000, 40_000]))
    out += `${random.pick(['', '0', '00'])}${size.toString(16)}${random.pick(['', '', ';x', ';x=y', ' ;x="y z"'])}\r\n${text.slice(at, at + size)}\r\n`
    at += size
  }
  return `${out}0\r\n${random.pick(['', '', 'X-Sum: 1\r\n'])}\r\n`
}

const NASTY = [
  '\r',
  '\n',
  '\r\n',
  '\r\n\r\n',
  '\n\n',
  '\0',
  ' ',
  '\t',
  ':',
  ',',
  ';',
  '"',
  '%',
  '#',
  '@',
  '\\',
  '\x7f',
  '\x80',
  '\xff',
  '0',
  '-1',
  '+1',
  '0\r\n\r\n',
  'Content-Length: 3\r\n',
  'Content-Length: 0\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Transfer-Encoding: identity\r\n',
  'Transfer-Encoding : chunked\r\n',
  'Host: b.test\r\n',
  'Connection: close\r\n',
  'Connection: Content-Length, Host, Transfer-Encoding\r\n',
  'Upgrade: websocket\r\nConnection: Upgrade\r\n',
  'Expect: 100-continue\r\n',
  ' folded\r\n',
  'GET / HTTP/1.1\r\nHost: c.test\r\n\r\n',
  'HTTP/1.0',
  'HTTP/1.1 200 OK\r\n\r\n',
  'ffffffffffffffff\r\n',
]

/** One to four random changes. */
export function mutate(random: SeededRandom, bytes: string): string {
  let out = bytes
  for (let i = random.integer(1, 4); i > 0; i--) {
    const at = random.integer(0, Math.min(out.length, random.pick([200, 400, out.length])))
    const to = Math.min(out.length, at + random.pick([1, 1, 2, 10, 50]))
    switch (random.integer(0, 6)) {
      case 0:
        out = out.slice(0, at) + random.pick(NASTY) + out.slice(at)
        break
      case 1:
        out = out.slice(0, at) + out.slice(to)
        break
      case 2:
        out = out.slice(0, at) + String.fromCharCode(random.integer(0, 255)) + out.slice(at + 1)
        break
      case 3:
        out = out.slice(0, to) + out.slice(at)
        break
      case 4: {
        const lines = out.split('\r\n')
        const line = random.integer(0, Math.min(lines.length - 1, 12))
        lines.splice(line, 0, lines[random.integer(0, Math.min(lines.length - 1, 12))] ?? '')
        out = lines.join('\r\n')
        break
      }
      case 5:
        out = out.replace(random.pick([/\r\n/, / HTTP/, /: /, /\d+/]), random.pick(NASTY))
        break
      default:
        out = out.slice(0, at)
    }
  }
  return out
}

/** The bytes in random pieces. */
export function pieces(random: SeededRandom, bytes: string): Buffer[] {
  const all = Buffer.from(bytes, 'latin1')
  const cuts = Array.from({ length: random.pick([0, 0, 1, 3, 8]) }, () => random.integer(0, all.length)).toSorted(
    (a, b) => a - b,
  )
  return [...cuts, all.length].map((cut, i) => all.subarray(cuts[i - 1] ?? 0, cut)).filter(piece => piece.length > 0)
}
