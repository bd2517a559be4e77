import { chmod } from 'node:fs/promises'
import path from 'node:path'
import t from 'tap'
import { findProgram, requireProgram, type TestScope } from '@plimsoll/testing'

function scope(): TestScope & { planned: unknown[] } {
  const planned: unknown[] = []
  return {
    name: 'a test',
    planned,
    teardown: () => {},
    comment: () => {},
    passing: () => true,
    fail: () => {},
    plan: (...args) => void planned.push(...args),
  }
}
const environment = { databaseUrl: undefined, seed: undefined, variables: {} }

await t.test('finds executable files on the path, in its order, and no folders', async t => {
  const folder = t.testdir({ first: { tool: '', folder: {} }, second: { tool: '', folder: '' } })
  const [first, second] = [path.join(folder, 'first'), path.join(folder, 'second')]
  await Promise.all([chmod(path.join(second, 'tool'), 0o755), chmod(path.join(second, 'folder'), 0o755)])
  t.equal(findProgram('tool', `${first}:${second}`), path.join(second, 'tool'), 'the first one can not be executed')
  t.equal(findProgram('folder', `${first}:${second}`), path.join(second, 'folder'))
  t.equal(findProgram('no-such-program', `:${first}`), undefined)
  const scoped = scope()
  t.equal(requireProgram(scoped, 'tool', { ...environment, inCi: false, path: second }), path.join(second, 'tool'))
  t.strictSame(scoped.planned, [])
})

await t.test('a missing program skips the test', t => {
  const scoped = scope()
  t.equal(requireProgram(scoped, 'no-such-program', { ...environment, inCi: false, path: '/nowhere' }), undefined)
  t.strictSame(scoped.planned, [0, "no-such-program isn't installed"])
  t.end()
})

await t.test('in CI a missing program fails the test', t => {
  t.throws(() => requireProgram(scope(), 'no-such-program', { ...environment, inCi: true, path: '/nowhere' }), {
    code: 'TESTING_ERR_PROGRAM_MISSING',
    message: /"a test" needs no-such-program/,
  })
  t.end()
})
