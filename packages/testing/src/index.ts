export { testDatabase, type DatabaseTemplate, type TestDatabase, type TestDatabaseOptions } from './test-database.ts'
export { startTemporaryPostgres, type TemporaryPostgres, type TemporaryPostgresOptions } from './temporary-postgres.ts'
export { rawClient, rawServer, type ConnectionScript, type RawAddress, type RawServer } from './scripted-peer.ts'
export { RawPeer, type PeerState, type ReadOptions } from './raw-peer.ts'
export {
  parseRequest,
  parseResponse,
  type BodyFraming,
  type HttpMessage,
  type HttpRequest,
  type HttpResponse,
} from './http-message.ts'
export { FakeClock, type FakeTimer } from './fake-clock.ts'
export { SeededRandom, seededRandom } from './seeded-random.ts'
export { leakCheck, type LeakCheckOptions } from './leak-check.ts'
export { findProgram, requireProgram } from './requires-program.ts'
export { freePort } from './free-port.ts'
export { startPgBouncer, type PgBouncer, type PgBouncerOptions } from './pgbouncer.ts'
export { until, type UntilOptions } from './wait-for.ts'
export { spawnProgram, SpawnedProgram, type ProgramExit, type SpawnProgramOptions } from './spawn-program.ts'
export { isAlive } from './is-alive.ts'
export { TESTING_ERRORS, TestingError, type TestingErrorCode } from './errors.ts'
export type { TestScope, TestScopeWithSubtests } from './test-scope.ts'
