import t from 'tap'
import { LmdbMachineMap } from '../../src/lmdb/lmdb-machine-map.ts'
import { machineMapContract } from '../../src/testing/index.ts'
import { memoryFolder } from './fixture/folder.ts'

await t.test('the map in shared memory', t =>
  machineMapContract(t, async (t, settings) => {
    const map = new LmdbMachineMap({ folder: memoryFolder(t), ...settings })
    t.teardown(() => map.close())
    await map.settled()
    t.equal(map.state().state, 'on')
    return map
  }),
)
