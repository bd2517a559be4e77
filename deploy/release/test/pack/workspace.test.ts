import path from 'node:path'
import t from 'tap'
import type { ReleaseError } from '../../src/errors.ts'
import { choosePackages, publishedPackages, tarballName, withNeeds } from '../../src/pack/workspace.ts'

const all = publishedPackages(path.resolve(import.meta.dirname, '../../../..'))

await t.test('the packages and the balancer are published, the other apps are not', async t => {
  t.ok(all.has('@plimsoll/config'))
  t.ok(all.has('@plimsoll/balancer'))
  t.notOk(all.has('@plimsoll/api'))
  t.notOk(all.has('@plimsoll/bench'))
})

await t.test('what a package needs comes before it, once', async t => {
  const order = withNeeds(all, choosePackages(all, ['balancer'])).map(one => one.name)
  t.equal(order.at(-1), '@plimsoll/balancer')
  t.ok(order.includes('@plimsoll/config'))
  t.equal(new Set(order).size, order.length)
  for (const [i, name] of order.entries()) {
    for (const needed of all.get(name)?.needs ?? []) t.ok(order.indexOf(needed) < i, `${needed} before ${name}`)
  }
})

await t.test(
  'a package is found with and without its scope, and an unknown name is answered with the known ones',
  async t => {
    t.same(choosePackages(all, ['config']), choosePackages(all, ['@plimsoll/config']))
    t.equal(choosePackages(all, []).length, all.size)
    try {
      choosePackages(all, ['confg'])
      t.fail('it was accepted')
    } catch (error) {
      t.equal((error as ReleaseError).code, 'RELEASE_ERR_UNKNOWN_PACKAGE')
      t.match((error as Error).message, /config, /)
    }
  },
)

await t.test('tarballs are named as npm names them', async t => {
  t.equal(tarballName({ name: '@plimsoll/config', version: '0.1.0' }), 'plimsoll-config-0.1.0.tgz')
})
