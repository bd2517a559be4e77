export { CHANNELS } from './channels.ts'
export type {
  CrashLoopEvent,
  ProbationFailedEvent,
  RecycledEvent,
  RecycleRequestedEvent,
  ScaledEvent,
  WorkerCrashedEvent,
  WorkerEndedEvent,
  WorkerEvent,
  WorkerReadyEvent,
  WorkerReplacedEvent,
  WorkerStartedEvent,
} from './channels.ts'
export { systemClock, systemRandom } from './clock.ts'
export type { Clock, Random } from './clock.ts'
export { createControlServer } from './control/control-server.ts'
export type { ControlRequest, ControlRoute, ControlServer, ControlServerOptions } from './control/control-server.ts'
export { createEndpointFile } from './endpoint-file.ts'
export type { Endpoint, EndpointFile, EndpointFileContent } from './endpoint-file.ts'
export {
  ControlListenError,
  DeployFailedError,
  FleetFiguresError,
  NotRunningError,
  OptionError,
  OthersNotReadyError,
  ReplaceFailedError,
  RunFolderError,
  RunFolderInUseError,
  SocketPathTooLongError,
  SupervisorError,
  UnknownWorkerError,
  WorkerStartFailedError,
} from './errors.ts'
export type { SupervisorErrorCode } from './errors.ts'
export type { FleetFigures, FleetSize, FleetWorker } from './fleet-figures.ts'
export type { FleetHealth } from './fleet-health.ts'
export { parseMetrics } from './metrics/metric-snapshot.ts'
export { planHeap } from './heap-plan.ts'
export type { HeapPlan, HeapPlanOptions } from './heap-plan.ts'
export type { Aggregator, MetricSample, MetricSnapshot, MetricType } from './metrics/metric-snapshot.ts'
export type { Logger, SupervisorOptions } from './options.ts'
export type { RecycleReasonLabel, RecycleRequest, RecycleResult, RecyclingOptions } from './recycling.ts'
export type { BackoffOptions, CrashLoopOptions } from './restart-policy.ts'
export type { ScalingOptions } from './scaling.ts'
export { createSupervisor } from './supervisor.ts'
export type { Supervisor } from './supervisor.ts'
export { connectToSupervisor } from './worker-link.ts'
export type { MetricsSource, RecycleReason, WorkerLink, WorkerLinkOptions, WorkerProcessLike } from './worker-link.ts'
export type { EndReason, ForkWorker, WorkerExit } from './worker-process.ts'
export type { WorkerProgram } from './worker-program.ts'
export { createServerDrain } from './server-drain.ts'
export type { ServerDrain, ServerDrainOptions } from './server-drain.ts'
export type { SlotStatus, WorkerState } from './slot-status.ts'
export type { WorkerStatus } from './worker-status.ts'
