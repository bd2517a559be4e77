// Whole requests, as clients send them, and whom they seem to come from.
import { randomBytes } from 'node:crypto'
import { type DemoFacts, spread } from '../field-reports/demo-facts.ts'

/** What readers look at: lists and single things that everybody may see, a few of each. */
export function readRequests({ courses, categories, blogs, tags }: DemoFacts): string[] {
  const paths = [
    ...spread(courses, 5).flatMap(id => [`/api/courses/${id}`, `/api/courses/${id}/lessons`]),
    ...spread(categories, 3).map(category => `/api/courses?category=${category}`),
    ...spread(blogs, 5).map(id => `/api/blogs/${id}`),
    ...spread(tags, 3).map(tag => `/api/blogs?tag=${encodeURIComponent(tag)}`),
  ]
  return paths.map(path => `GET ${path} HTTP/1.1\r\nHost: bench.example\r\nAccept: application/json\r\n\r\n`)
}

/** A password that's nobody's, for each of these addresses. */
export function wrongLogins(emails: readonly string[]): string[] {
  return emails.map(email => {
    const body = JSON.stringify({ email, password: randomBytes(12).toString('base64url') })
    const head = [
      'POST /api/auth/login HTTP/1.1',
      'Host: bench.example',
      'Content-Type: application/json',
      `Content-Length: ${Buffer.byteLength(body)}`,
    ]
    return `${head.join('\r\n')}\r\n\r\n${body}`
  })
}

/** Half of them somebody's, and half nobody's. */
export function floodedEmails(known: readonly string[]): string[] {
  return known.flatMap((email, i) => [email, `nobody-${i}@none.example`])
}

/** Loopback addresses, which Linux has 16 million of; limits by address count each. @param network the second figure: other clients have another */
export function clientAddresses(network: number, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `127.${network}.${Math.floor(i / 200)}.${(i % 200) + 1}`)
}
