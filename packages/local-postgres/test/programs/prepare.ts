// Run by binaries.test.ts as another user: prepares the binaries in argument 1, with copies in argument 2, and prints the result.
import { prepareBinaries } from '../../src/binaries.ts'
import { chooseServerUser, currentUserSource } from '../../src/server-user.ts'

const [folder = '', copies = ''] = process.argv.slice(2)
const user = await chooseServerUser('/nowhere', currentUserSource())
const binaries = await prepareBinaries({ folder, packageVersion: '18.0.0-test' }, user, copies, () => {})
process.stdout.write(`${JSON.stringify(binaries)}\n`)
