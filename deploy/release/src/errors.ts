// What can keep a release from being made; each message says what, where, why and what to do.
export const RELEASE_ERRORS = {
  RELEASE_ERR_UNKNOWN_PACKAGE: 'A name that no package of the workspace has.',
  RELEASE_ERR_MANIFEST: 'A package.json from which no tarball can be made.',
  RELEASE_ERR_TYPES: 'The compiler refused the sources.',
  RELEASE_ERR_UNDECLARED_DEPENDENCY: 'A package imports what its package.json does not name.',
  RELEASE_ERR_SOURCE_PATH:
    'A package names a TypeScript file of its own in a text, which is not there once it is JavaScript.',
  RELEASE_ERR_NPM: 'npm pack failed.',
  RELEASE_ERR_DOCS: 'A generated part of the documentation has no place, or a place has no generated part.',
  RELEASE_ERR_IMPORT_TABLE:
    'The table of allowed imports in the lint configuration has a shape that is not understood.',
} as const

export type ReleaseErrorCode = keyof typeof RELEASE_ERRORS

export class ReleaseError extends Error {
  override readonly name = 'ReleaseError'
  readonly code: ReleaseErrorCode

  constructor(code: ReleaseErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
