// A process that migrates: `node run-migrations.ts URL FOLDER`. Prints what it's told and its end as one JSON object per line; exits with 0 or 1.
import { migrate } from '../../src/migrations/index.ts'

const [url = '', folder = ''] = process.argv.slice(2)
const print = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`)

try {
  const { applied } = await migrate({ url, folder, lockPollMs: 20, onProgress: print })
  print({ end: 'applied', applied: applied.map(({ name }) => name) })
} catch (error) {
  const { code, message } = error as { code?: string; message?: string }
  print({ end: code ?? 'unknown', message })
  process.exitCode = 1
}
