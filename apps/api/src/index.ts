// Apps aren't imported by other apps; what is here serves the tools of this repository: tables in READMEs, and tests that need a migrated database.
export { clusterSchema, databaseCommandSchema, workerSchema } from './config/schemas.ts'
export { API_ERRORS, SETUP_ERRORS } from './errors.ts'
