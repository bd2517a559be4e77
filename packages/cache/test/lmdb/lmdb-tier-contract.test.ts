import t from 'tap'
import { LmdbTier } from '../../src/lmdb/lmdb-tier.ts'
import { localTierContract } from '../../src/testing/index.ts'
import { diskFolder, memoryFolder } from './fixture/folder.ts'

for (const durable of [false, true]) {
  await t.test(durable ? 'on the disk' : 'in shared memory', t =>
    localTierContract(t, async (t, settings) => {
      const folder = durable ? diskFolder(t) : memoryFolder(t)
      const tier = new LmdbTier({ folder, durable, ...settings })
      t.teardown(() => tier.close())
      await tier.settled()
      t.equal(tier.state().state, 'on')
      return tier
    }),
  )
}
