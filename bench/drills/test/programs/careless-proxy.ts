// A proxy that does what none may, for the proof that a drill finds it out: it sends POSTs again after a 500, now and then gives the answer to
// another request, and now and then answers for an upstream that it never asked. Started like our balancer.
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { parseArgs } from 'node:util'
import { answerBody, WORK_PATH } from '../../src/upstream/upstream-protocol.ts'

const { values } = parseArgs({ strict: false, options: { upstream: { type: 'string', multiple: true } } })
const upstreams = (values.upstream ?? []).filter(url => typeof url === 'string').map(url => new URL(url))
const OTHERS_ANSWER_EVERY = 40
const MADE_UP_EVERY = 70

let taken = 0
let lastBody = ''

const server = createServer((incoming, response) => {
  const { method = '', url = '' } = incoming
  const index = taken++
  let body = ''
  incoming.setEncoding('latin1').on('data', (text: string) => (body += text))
  incoming.on('end', () => {
    const id = url.slice(WORK_PATH.length)
    // The first few are the drill's own, which looks whether all upstreams are there.
    if (index > 10 && index % MADE_UP_EVERY === 0 && (method === 'GET' || method === 'POST')) {
      response.end(answerBody(id, method, 'a'))
    } else if (index > 10 && index % OTHERS_ANSWER_EVERY === 0) response.end(lastBody)
    else forward(index, 1)
  })

  function forward(upstream: number, triesLeft: number): void {
    const target = upstreams[upstream % upstreams.length]
    if (!target) return
    const onward = request(new URL(url, target), { method, agent: false }, answer => {
      let text = ''
      answer.setEncoding('latin1').on('data', (part: string) => (text += part))
      answer.on('end', () => {
        if (answer.statusCode === 500 && triesLeft > 0) {
          forward(upstream + 1, triesLeft - 1)
          return
        }
        lastBody = text
        response.writeHead(answer.statusCode ?? 502).end(text)
      })
    })
    onward.on('error', () => response.writeHead(502).end())
    onward.end(body)
  }
})
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo
  process.stdout.write(`${JSON.stringify({ msg: 'listening', listen: `127.0.0.1:${port}` })}\n`)
})
process.once('disconnect', () => process.exit(0))
