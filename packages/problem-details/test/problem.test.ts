import t from 'tap'
import { PROBLEM_MEDIA_TYPE, problem } from '@plimsoll/problem-details'

t.equal(PROBLEM_MEDIA_TYPE, 'application/problem+json')

await t.test('a problem says type, title, status and code, and leaves out what nobody gave', async t => {
  t.same(problem({ status: 404, code: 'API_ERR_NOT_FOUND', title: 'Not found' }), {
    type: 'urn:plimsoll:problem:api-err-not-found',
    title: 'Not found',
    status: 404,
    code: 'API_ERR_NOT_FOUND',
  })
})

await t.test('every field that was given comes back as it was', async t => {
  const given = {
    status: 503,
    code: 'LB_ERR_QUEUE_FULL',
    title: 'The queue is full',
    detail: 'Try again in a second.',
    instance: '/api/courses',
    requestId: 'r1',
    source: 'balancer',
    retryAfterS: 1,
    issues: [{ field: 'query.limit', message: 'must be at most 50' }],
  } as const
  const { type, ...rest } = problem(given)
  t.equal(type, 'urn:plimsoll:problem:lb-err-queue-full')
  t.same(rest, given)
})

await t.test('a status that is no error is refused', async t => {
  for (const status of [200, 304, 399, 600, 404.5, Number.NaN]) {
    t.throws(() => problem({ status, code: 'X_ERR_Y', title: 'x' }), RangeError)
  }
})
