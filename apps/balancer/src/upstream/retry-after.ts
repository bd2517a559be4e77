// The pause that an answer asks for (RFC 9110, 10.2.3): seconds, or a date.
import { HEADER, type MessageHead } from '@plimsoll/http1'

/** Milliseconds; 0 when there's none, or none that can be read. `epochMs` is the wall clock's time. */
export function retryAfterMs(head: MessageHead, epochMs: number): number {
  const value = head.value(HEADER.retryAfter)
  if (value === undefined) return 0
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000
  // All three forms of a date begin with a day (RFC 9110, 5.6.7); what else `Date.parse` makes something of, such as "-5", is none.
  if (!/^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)/.test(value)) return 0
  // The oldest form, asctime's, doesn't say that it's GMT, and would be read as local time.
  const atMs = Date.parse(value.endsWith(' GMT') ? value : `${value} GMT`)
  return Number.isNaN(atMs) ? 0 : Math.max(0, atMs - epochMs)
}
