import t from 'tap'
import { LocalMachineMap } from '../../src/machine/local-machine-map.ts'
import { machineMapContract } from '../../src/testing/index.ts'

await t.test('the map of one process alone', t =>
  machineMapContract(t, async (t, settings) => {
    const map = new LocalMachineMap(settings)
    t.teardown(() => map.close())
    return map
  }),
)
