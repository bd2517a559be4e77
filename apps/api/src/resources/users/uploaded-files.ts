// Where uploaded files are, as far as erasing them goes. The rows of `uploads` are all there is so far; whoever stores files gives the real thing to the composition root.

export interface UploadedFiles {
  /** Deletes files by their storage keys; one that isn't there is no failure, since the same keys may come again. */
  remove(storageKeys: readonly string[], signal?: AbortSignal): Promise<void>
}

/** There are rows, and no files. */
export const NO_FILES: UploadedFiles = { remove: () => Promise.resolve() }
