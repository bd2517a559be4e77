// The log's two scripts. Redis runs one script at a time, so an entry has its place and is there in the same moment: the horizon is the next place.
//
// Places are never used twice, whatever becomes of the server's data. The numbering is kept beside the stream:
//
//     server   whose it is: a server that was started again may have lost its latest entries (no persistence, one fsync a second, a replica that took over)
//     first    the numbering's first place: whoever asks for an earlier one has lost something
//     last     the latest place
//
// A new numbering begins, and the stream with it, when there's none (FLUSHALL, eviction), when another server has it, or when somebody has seen a place that it
// doesn't know yet. It starts at the server's time in microseconds, or above every place that it knows or was told of, whichever is higher: 10^15 of today's
// microseconds fit a double until the year 2255, and no log gets a million entries a second for long. The gap covers places that a restored copy has forgotten
// while the clock was set back.
import { RedisScript } from './redis-link.ts'

/** KEYS: numbering, stream. ARGV: the server's id or empty, the highest place that was seen. */
const NUMBERING = `local function text(number) return string.format('%.0f', number) end
local known = redis.call('HMGET', KEYS[1], 'server', 'first', 'last')
local first, last, seen = tonumber(known[2]), tonumber(known[3]), tonumber(ARGV[2])
if not first or not last or (ARGV[1] ~= '' and ARGV[1] ~= known[1]) or seen > last then
  local now = redis.call('TIME')
  last = math.max(now[1] * 1000000 + now[2], seen, last or 0) + 1000000
  first = last + 1
  redis.call('UNLINK', KEYS[2])
  redis.call('HSET', KEYS[1], 'server', ARGV[1], 'first', text(first), 'last', text(last))
end
`

/** ARGV from 3: the entry, entries to keep, the channel to ring or empty. Returns the place. */
export const APPEND = new RedisScript(`${NUMBERING}
local place = text(redis.call('HINCRBY', KEYS[1], 'last', 1))
redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[4], place .. '-0', 'subjects', ARGV[3])
if ARGV[5] ~= '' then redis.call('PUBLISH', ARGV[5], place) end
return place`)

/** ARGV from 3: the asked place or empty, entries at most. Returns the last place and the entries. */
export const SINCE = new RedisScript(`${NUMBERING}
local entries = {}
if ARGV[3] ~= '' and tonumber(ARGV[3]) >= first then
  entries = redis.call('XRANGE', KEYS[2], ARGV[3] .. '-0', '+', 'COUNT', ARGV[4])
end
return { text(last), entries }`)
