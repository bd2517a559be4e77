// How the control server answers: JSON, text, and problem documents, none of them stored by anybody on the way.
import type { ServerResponse } from 'node:http'
import { problem, PROBLEM_MEDIA_TYPE } from '@plimsoll/problem-details'

export function sendText(response: ServerResponse, status: number, contentType: string, text: string): void {
  response.writeHead(status, {
    'content-type': contentType,
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  })
  response.end(text)
}

export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  sendText(response, status, 'application/json', `${JSON.stringify(body)}\n`)
}

export function sendProblem(
  response: ServerResponse,
  status: number,
  code: string,
  title: string,
  detail: string,
): void {
  sendText(response, status, PROBLEM_MEDIA_TYPE, `${JSON.stringify(problem({ status, code, title, detail }))}\n`)
}
