// A line in the log whenever the cache loses touch with what others change, and when it's in touch again.
import { channels, type ContactChanged } from '@plimsoll/cache'
import type { Logger } from '@plimsoll/telemetry'

/** The returned function ends it. */
export function logContact(logger: Logger): () => void {
  const onChange = (message: unknown) => {
    const { inTouch, reason } = message as ContactChanged
    if (inTouch) logger.info('The cache knows of all changes')
    else logger.warn({ reason }, 'The cache may not know of all changes, and serves within its bounds only')
  }
  channels.contactChanged.subscribe(onChange)
  return () => {
    channels.contactChanged.unsubscribe(onChange)
  }
}
