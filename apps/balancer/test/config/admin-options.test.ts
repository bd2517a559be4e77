import t from 'tap'
import { checkAdminOptions } from '../../src/config/admin-options.ts'

const GOOD = { admin: '127.0.0.1:9901', adminToken: '', adminHosts: [], adminReadOnly: '' }

await t.test('the defaults, and whatever can be served, pass', async t => {
  t.same(checkAdminOptions(GOOD), [])
  t.same(checkAdminOptions({ ...GOOD, adminHosts: ['balancer', 'Admin.example.org'], adminToken: 'a+b/c~==' }), [])
  t.same(checkAdminOptions({ ...GOOD, adminReadOnly: '0.0.0.0:9903' }), [])
  t.same(checkAdminOptions({ ...GOOD, admin: '0', adminReadOnly: '0' }), [], 'two free ports are two addresses')
})

await t.test('each problem is one sentence that names the option', async t => {
  for (const [change, message] of [
    [{ admin: 'x' }, /^admin: "x" is no address/],
    [{ adminReadOnly: '1:2:3' }, /^adminReadOnly: "1:2:3" is no address/],
    [{ adminReadOnly: '9901' }, /^admin \(127\.0\.0\.1:9901\) and adminReadOnly \(9901\): .*another port/],
    [{ adminToken: 'with blank' }, /^adminToken: .*visible ASCII/],
    [{ adminToken: 'ü' }, /^adminToken: /],
    [{ adminHosts: ['a:9901'] }, /^adminHosts: "a:9901" is no host name/],
    [{ adminHosts: ['https://a'] }, /^adminHosts: /],
  ] as const) {
    const issues = checkAdminOptions({ ...GOOD, ...change })
    t.equal(issues.length, 1, JSON.stringify(change))
    t.match(issues[0], message)
  }
})

await t.test('a token that is refused is not repeated', async t => {
  t.notOk(
    checkAdminOptions({ ...GOOD, adminToken: 'my secret' })
      .join()
      .includes('my secret'),
  )
})
