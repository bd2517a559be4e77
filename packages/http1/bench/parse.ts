// CPU nanoseconds per head: parse alone, and parse and rewrite as a proxy does. Run: node packages/http1/bench/parse.ts [rounds]
//
// One thread, no I/O, heads hot in the cache: this is the codec's own cost, not what a request costs. It counts the process's CPU time,
// not the clock, and prints least and median of interleaved rounds, since other work on the machine only ever adds.

import {
  createLimits,
  HeadRewrite,
  METHOD,
  RequestParser,
  ResponseParser,
  writeRequestHead,
  writeResponseHead,
  type MessageHead,
  type MessageSink,
} from '../src/index.ts'

const lines = (...given: string[]): Buffer => Buffer.from(`${given.join('\r\n')}\r\n\r\n`, 'latin1')

const SMALL = lines('GET / HTTP/1.1', 'Host: localhost:8080', 'Connection: keep-alive')
const BROWSER = lines(
  'GET /courses/typescript?page=2&sort=newest HTTP/1.1',
  'Host: www.example.com',
  'Connection: keep-alive',
  'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36',
  'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8',
  'Accept-Encoding: gzip, deflate, br, zstd',
  'Accept-Language: en-GB,en;q=0.9,de;q=0.8',
  'Cookie: session=0f3c1b9a7d5e4c2b8a6f; theme=dark; consent=2026-01-01',
  'Referer: https://www.example.com/courses',
  'Sec-Fetch-Dest: document',
  'Sec-Fetch-Mode: navigate',
  'Upgrade-Insecure-Requests: 1',
)
const RESPONSE = lines(
  'HTTP/1.1 200 OK',
  'content-type: application/json; charset=utf-8',
  'content-length: 0',
  'Date: Tue, 01 Sep 2026 10:00:00 GMT',
  'Connection: keep-alive',
  'Keep-Alive: timeout=72',
)

const out = Buffer.alloc(65_536)
const rewrite = new HeadRewrite()
const ignore = (): void => {}

class Sink implements MessageSink {
  heads = 0
  written = 0
  write: (head: MessageHead) => number
  onBody = ignore
  onTrailers = ignore
  onEnd = ignore
  constructor(write: (head: MessageHead) => number) {
    this.write = write
  }
  onHead(head: MessageHead): void {
    this.heads++
    this.written = this.write(head)
  }
  onRefusal(): void {
    throw new Error('A head of the bench was refused.')
  }
}

interface Candidate {
  name: string
  bytes: number
  run: (times: number) => void
}

function requests(name: string, head: Buffer, write: (head: MessageHead) => number): Candidate {
  const sink = new Sink(write)
  const parser = new RequestParser(sink, createLimits())
  const run = (times: number): void => {
    const before = sink.heads
    for (let i = 0; i < times; i++) {
      parser.execute(head, 0, head.length)
      parser.reset()
    }
    if (sink.heads !== before + times) throw new Error(`${name}: not every head was reported.`)
  }
  return { name, bytes: head.length, run }
}

function responses(name: string, head: Buffer, write: (head: MessageHead) => number): Candidate {
  const sink = new Sink(write)
  const parser = new ResponseParser(sink, createLimits())
  const run = (times: number): void => {
    const before = sink.heads
    for (let i = 0; i < times; i++) {
      parser.expect(METHOD.GET)
      parser.execute(head, 0, head.length)
    }
    if (sink.heads !== before + times) throw new Error(`${name}: not every head was reported.`)
  }
  return { name, bytes: head.length, run }
}

const nothing = (): number => 0
const asRequest = (head: MessageHead): number => writeRequestHead(out, 0, head, rewrite)
const asResponse = (head: MessageHead): number => writeResponseHead(out, 0, head, head.framing, rewrite)
const candidates = [
  requests('small GET, parsed', SMALL, nothing),
  requests('small GET, parsed and rewritten', SMALL, asRequest),
  requests('browser GET (11 fields), parsed', BROWSER, nothing),
  requests('browser GET (11 fields), parsed and rewritten', BROWSER, asRequest),
  responses('response (5 fields), parsed', RESPONSE, nothing),
  responses('response (5 fields), parsed and rewritten', RESPONSE, asResponse),
]

const ROUNDS = Number(process.argv[2] ?? 15)
const HEADS_PER_ROUND = 200_000
const figures = new Map<Candidate, number[]>(candidates.map(candidate => [candidate, []]))
for (const candidate of candidates) candidate.run(HEADS_PER_ROUND)
for (let round = 0; round < ROUNDS; round++) {
  for (const candidate of candidates) {
    const before = process.cpuUsage()
    candidate.run(HEADS_PER_ROUND)
    const { user, system } = process.cpuUsage(before)
    figures.get(candidate)!.push(((user + system) * 1000) / HEADS_PER_ROUND)
  }
}
process.stdout.write(`Node ${process.version}, ${ROUNDS} rounds of ${HEADS_PER_ROUND} heads; CPU ns per head\n`)
for (const [candidate, all] of figures) {
  const sorted = all.toSorted((a, b) => a - b)
  const least = sorted[0]!.toFixed(0).padStart(6)
  const median = sorted[sorted.length >> 1]!.toFixed(0).padStart(6)
  process.stdout.write(
    `${candidate.name.padEnd(48)} ${String(candidate.bytes).padStart(4)} B  least ${least}  median ${median}\n`,
  )
}
