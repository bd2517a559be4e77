// How endpoints are asked whether they serve, and what takes one out.
import { option as Type, type DeepReadonly } from '@plimsoll/config'
import type { Static } from 'typebox'
import { checkRequestIssues } from '../health/expectation.ts'

export const healthOptions = Type.Object(
  {
    path: Type.String({
      description:
        'Path that endpoints are asked for, with a query or without. The answer has to be whole in time; of one above 64 KiB only the first 64 KiB. Empty: a connection that opens passes, and nothing is asked.',
      default: '',
    }),
    method: Type.Union([Type.Literal('GET'), Type.Literal('HEAD')], {
      description: 'Method of the check.',
      default: 'GET',
    }),
    expectStatus: Type.String({
      description: 'Statuses that pass: one, a range, or several of them with commas, as in 200,204,300-399.',
      default: '200-399',
    }),
    expectHeader: Type.String({
      description:
        'Field that the answer has to have, and text that its value has to contain, as in "x-ready: yes"; the case of the text matters. Without a text the field only has to be there. Empty: not looked at.',
      default: '',
    }),
    expectBody: Type.String({
      description: 'Text that the first 64 KiB of the body have to contain; its case matters. Empty: not looked at.',
      default: '',
    }),
    host: Type.String({
      description: "Host field of the check. Empty: the endpoint's own name and port, or localhost for a Unix socket.",
      default: '',
    }),
    reuseConnection: Type.Boolean({
      description:
        'Whether a check goes over the connection of the last one, when the endpoint keeps it; a new one is opened after 30 checks, after a failure, and when a request could not connect. Off: each check opens its own, which also shows whether the endpoint still accepts.',
      default: true,
    }),
    intervalMs: Type.Integer({
      description:
        'Time from the end of a check to the next one of the same endpoint, ± 10 % at random; the first time it is a random part of that, so that endpoints are not all asked at once.',
      unit: 'ms',
      default: 2000,
      minimum: 10,
      maximum: 3_600_000,
    }),
    changingIntervalMs: Type.Integer({
      description:
        'The same while an endpoint is starting, down, or has just failed a check. Above interval-ms: as interval-ms.',
      unit: 'ms',
      default: 500,
      minimum: 10,
      maximum: 3_600_000,
    }),
    timeoutMs: Type.Integer({
      description: 'A check that takes longer has failed: the connection and the whole answer.',
      unit: 'ms',
      default: 1000,
      minimum: 10,
      maximum: 600_000,
    }),
    fall: Type.Integer({
      description: 'Checks that fail in a row until the endpoint is down.',
      unit: 'checks',
      default: 3,
      minimum: 1,
      maximum: 100,
    }),
    rise: Type.Integer({
      description:
        'Checks that pass in a row until an endpoint that was down is up. The very first pass after the start is enough.',
      unit: 'checks',
      default: 2,
      minimum: 1,
      maximum: 100,
    }),
  },
  { additionalProperties: false },
)

export type HealthOptions = DeepReadonly<Static<typeof healthOptions>>

/** What the schema can't say: values that don't parse or contradict each other. One sentence per problem. */
export function healthIssues(health: HealthOptions): string[] {
  return checkRequestIssues(health).map(issue => `health.${issue}`)
}
