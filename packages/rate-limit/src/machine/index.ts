export { createMachineStore, type MachineStore, type MachineStoreOptions } from './machine-store.ts'
