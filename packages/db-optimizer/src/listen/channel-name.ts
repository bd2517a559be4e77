// Names of the server's notification channels. Checked here rather than by the server: a longer name would be cut off there with a notice that nobody reads,
// and then hear another channel.
import { DbError } from '../errors.ts'

/** NAMEDATALEN - 1, of the server's source. */
const MAX_NAME_BYTES = 63
const MAX_SHOWN_CHARACTERS = 80

/** @throws DB_ERR_OPTION for what can't be a channel's name */
export function checkChannelName(channel: unknown): void {
  if (
    typeof channel === 'string' &&
    channel !== '' &&
    Buffer.byteLength(channel) <= MAX_NAME_BYTES &&
    !channel.includes('\0') &&
    channel.isWellFormed()
  ) {
    return
  }
  const what =
    typeof channel === 'string'
      ? `${JSON.stringify(channel.slice(0, MAX_SHOWN_CHARACTERS))} with ${Buffer.byteLength(channel)} bytes`
      : typeof channel
  throw new DbError(
    'DB_ERR_OPTION',
    `The name of a channel is a well-formed text of 1 to ${MAX_NAME_BYTES} bytes without NUL; this is ${what}.`,
  )
}
