// A variant, measured: the stack with two workers, readers at a pace of their own, and in every second window the flood beside them.
//
//   signed in ──► warmed up ──► calm, flooded │ flooded, calm │ calm, flooded ...      each window ends when its last request is answered
//
// Nothing leaves this machine: the stack listens on loopback, which is looked at before anything is sent, and all clients have loopback addresses. Rate, time and addresses are
// bounded by the suite's options.
import { ProcessorAccount } from '../field-reports/processor-account.ts'
import type { Account } from '../field-reports/accounts.ts'
import type { DemoFacts } from '../field-reports/demo-facts.ts'
import { ProductionStack } from '../api/production-stack.ts'
import { OrderedProgram } from '../ordered-program.ts'
import { interleave } from '../rounds.ts'
import type { BenchIo } from '../suite.ts'
import type { CalmWindow, FloodedWindow, Round } from './judgement.ts'
import type { PacedFigures, PacedOrder } from './paced-protocol.ts'
import { clientAddresses, floodedEmails, readRequests, wrongLogins } from './requests.ts'
import type { Variant } from './variants.ts'

export interface FloodSettings {
  readonly demo: 'small' | 'full'
  readonly workers: number
  readonly rounds: number
  /** Of each window, and of the warm-up. */
  readonly windowMs: number
  readonly readsPerSecond: number
  readonly loginsPerSecond: number
  /** Each with its own address. */
  readonly readers: number
  /** Addresses of the flood, where it comes from many. */
  readonly attackers: number
  /** Of the flood, from whatever addresses: more than wait for a slot, so that whoever comes is sent on at once. */
  readonly floodConnections: number
  /** Accounts that are tried; as many again that nobody has. */
  readonly accounts: number
}

interface Scene {
  readonly settings: FloodSettings
  readonly to: Pick<PacedOrder, 'host' | 'port'>
  readonly readers: OrderedProgram<PacedOrder, PacedFigures>
  readonly attackers: OrderedProgram<PacedOrder, PacedFigures>
  readonly reads: readonly string[]
  readonly logins: readonly string[]
  readonly floodAddresses: readonly string[]
  readonly processors: ProcessorAccount
}

/** Readers and attackers are never the same address, nor that of the bench's own requests. */
const NETWORKS = { readers: 1, attackers: 2 } as const
const PROGRAM = { file: 'sign-in-flood/paced-program.ts', core: null } as const

/**
 * @param accounts who can sign in; the first does, with the right password, before anything is measured
 * @throws Error when an answer was wrong, or the stack isn't on loopback
 */
export async function measureVariant(
  io: BenchIo,
  databaseUrl: string,
  facts: DemoFacts,
  accounts: readonly Account[],
  variant: Variant,
  settings: FloodSettings,
): Promise<Round[]> {
  await using ending = new AsyncDisposableStack()
  io.write(`  ${variant.name}: ${variant.what}\n`)
  const { demo, workers } = settings
  const name = variant.name.replaceAll(' ', '-')
  const stack = await ProductionStack.start(io, { name, databaseUrl, demo, workers, env: variant.env })
  ending.defer(() => stack.stop())
  const to = loopbackOf(stack)
  const [owner, ...tried] = accounts
  if (owner === undefined || tried.length === 0) throw new Error('a flood needs accounts')
  await stack.signIn(owner, io.signal)

  const readers = await OrderedProgram.start<PacedOrder, PacedFigures>(io, { ...PROGRAM, name: 'the readers' })
  ending.defer(() => readers.stop())
  const attackers = await OrderedProgram.start<PacedOrder, PacedFigures>(io, { ...PROGRAM, name: 'the flood' })
  ending.defer(() => attackers.stop())
  const addresses = clientAddresses(NETWORKS.attackers, variant.attackers ?? settings.attackers)
  const scene: Scene = {
    settings,
    to,
    readers,
    attackers,
    reads: readRequests(facts),
    logins: wrongLogins(floodedEmails(tried.map(({ email }) => email))),
    floodAddresses: Array.from(
      { length: settings.floodConnections },
      (_, i) => addresses[i % addresses.length] as string,
    ),
    processors: new ProcessorAccount([{ pid: stack.pid, partOf }]),
  }

  // The readers only: a flood that's new is the worse one, since limits let its first passwords through.
  await calm(scene, 0)
  const rounds: Round[] = []
  const windows = Map.groupBy(interleave(['calm', 'flooded'] as const, settings.rounds), ({ round }) => round)
  for (const [round, order] of windows) {
    const pair: { calm?: CalmWindow; flooded?: FloodedWindow } = {}
    for (const { candidate } of order) {
      io.signal.throwIfAborted()
      if (candidate === 'calm') pair.calm = await calm(scene, round)
      else pair.flooded = await flooded(scene, round)
    }
    rounds.push(pair as Round)
    io.write(`    round ${round} of ${settings.rounds}\n`)
  }
  return rounds
}

async function calm(scene: Scene, seed: number): Promise<CalmWindow> {
  const cpuUsed = scene.processors.begin()
  const reads = await scene.readers.run(readOrder(scene, seed))
  return { reads, cpuUs: cpuUsed() }
}

/** The same reads at the same times, and the flood. */
async function flooded(scene: Scene, seed: number): Promise<FloodedWindow> {
  const { settings, to, floodAddresses, logins: requests } = scene
  const cpuUsed = scene.processors.begin()
  const [reads, logins] = await Promise.all([
    scene.readers.run(readOrder(scene, seed)),
    scene.attackers.run({
      ...to,
      clientAddresses: floodAddresses,
      requests,
      perSecond: settings.loginsPerSecond,
      forMs: settings.windowMs,
      seed: seed + 1_000_000,
      checked: false,
    }),
  ])
  return { reads, logins, cpuUs: cpuUsed() }
}

function readOrder({ settings, to, reads: requests }: Scene, seed: number): PacedOrder {
  return {
    ...to,
    clientAddresses: clientAddresses(NETWORKS.readers, settings.readers),
    requests,
    perSecond: settings.readsPerSecond,
    forMs: settings.windowMs,
    seed,
    checked: true,
  }
}

function loopbackOf({ address }: ProductionStack): Pick<PacedOrder, 'host' | 'port'> {
  if (!('host' in address && address.host.startsWith('127.')))
    throw new Error(`the stack isn't on loopback, and nothing is sent anywhere else: ${JSON.stringify(address)}`)
  return { host: address.host, port: address.port }
}

function partOf(command: string): string {
  if (command.includes('apps/balancer/')) return 'balancer'
  return command.includes('apps/api/') ? 'API' : 'npm start'
}
