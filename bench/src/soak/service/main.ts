// The small service of a soak as a program: our supervisor with some workers. `main.ts RUN_FOLDER ENDPOINT_FILE WORKERS`; says "serving" on a line when all are
// ready, ends in order on SIGTERM and with whoever started it.
import path from 'node:path'
import { createEndpointFile, createSupervisor } from '@plimsoll/supervisor'

const [runFolder = '', endpointPath = '', workers = ''] = process.argv.slice(2)
const endpointFile = createEndpointFile(endpointPath)
const supervisor = createSupervisor({
  entry: path.join(import.meta.dirname, 'worker.ts'),
  workers: Number(workers),
  runFolder,
  env: process.env,
  logger: { info() {}, warn: complain, error: complain },
  onChange: endpoints => endpointFile.write(endpoints),
})

function complain(fields: object, message: string): void {
  process.stderr.write(`${message} ${JSON.stringify(fields)}\n`)
}

async function stop(): Promise<void> {
  await supervisor.stop()
  process.exit(0)
}

process.once('SIGTERM', () => void stop())
process.once('disconnect', () => void stop())
await supervisor.start()
process.stdout.write('serving\n')
