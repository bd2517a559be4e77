// What scenes share: what a scene is, and how it says what it found.
import fc from 'fast-check'
import type { Operation } from './operations.ts'
import { report, type Judged, type RequestParts, type Service } from './service.ts'

/** One thing that the contract asks of an operation: answers what it found wrong, as texts for who reads the failure; nothing found is right. */
export type Scene = (service: Service, operation: Operation, operations: readonly Operation[]) => Promise<string[]>

/** Whether a request has parts that can be varied. */
export function takesAnything({ parameters, body }: Operation): boolean {
  return body !== undefined || Object.values(parameters).some(some => some.length > 0)
}

/** Faults, and whatever isn't this answer. */
export function unless(judged: Judged, status: number, code: string): string[] {
  const isSo = judged.faults.length === 0 && judged.status === status && codeOf(judged) === code
  return isSo ? [] : [`not ${status} ${code}: ${report(judged)}`]
}

/**
 * A property over requests; what breaks it is told with the seed that repeats it.
 * @param fault undefined when the request was answered as it should be
 */
export async function holds(
  requests: fc.Arbitrary<RequestParts>,
  numRuns: number,
  fault: (parts: RequestParts) => Promise<string | undefined>,
): Promise<string[]> {
  const property = fc.asyncProperty(requests, async parts => {
    const said = await fault(parts)
    if (said !== undefined) throw new Error(said)
  })
  const result = await fc.check(property, { numRuns, endOnFailure: true })
  return result.failed
    ? [`with seed ${result.seed}, path ${result.counterexamplePath}: ${(result.errorInstance as Error).message}`]
    : []
}

export function codeOf(answer: Judged): string | undefined {
  return problemOf(answer).code
}

export function problemOf({ status, text }: Judged): { code?: string; issues?: { field: string }[] } {
  return status >= 400 && text.startsWith('{') ? (JSON.parse(text) as { code?: string }) : {}
}
