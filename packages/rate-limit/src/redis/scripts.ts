// What Redis does in one go: it runs one script at a time, so a decision by all rules is whole, and no two are made of the same count.
//
// A key's value is its window, as windows.ts keeps it: { first request of the newest cell, time of a cell's last request, its count, the next cell's ... }, oldest
// first, by MessagePack. Time is the server's own. When that was set back a window's times are moved back as far and kept so, so that nothing is given back for it and nobody is
// blocked for longer; a step forth is time that has passed.
//
// Keys go by themselves when their last request is over.
import { createHash } from 'node:crypto'

export interface Script {
  readonly text: string
  readonly digest: string
}

export interface Scripts {
  /**
   * KEYS: one per rule that's concerned. ARGV: 1 or 0 (counts, or only looks), then limit, window in ms and mergeMs for each key. Returns 1 or 0 (allowed), the time in
   * ms, then remaining, ms until one is left and ms until all are, for each key.
   */
  readonly take: Script
  /** KEYS: as above. ARGV: the decision's time, how often, then the window in ms of each key. Returns nothing of use. */
  readonly giveBack: Script
}

const SERVER_TIME = `local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)`

const WINDOW = `
local function read(key, window)
  local raw = redis.call('GET', key)
  local cells = raw and cmsgpack.unpack(raw) or { 0 }
  local last = cells[#cells - 1]
  local isMoved = last and last > now
  if isMoved then
    local back = last - now
    cells[1] = cells[1] - back
    for i = 2, #cells, 2 do cells[i] = cells[i] - back end
  end
  local kept, used = { cells[1] }, 0
  for i = 2, #cells, 2 do
    if now - cells[i] < window then
      kept[#kept + 1] = cells[i]
      kept[#kept + 1] = cells[i + 1]
      used = used + cells[i + 1]
    end
  end
  return kept, used, isMoved
end
local function write(key, cells, window)
  if #cells == 1 then redis.call('DEL', key)
  else redis.call('SET', key, cmsgpack.pack(cells), 'PX', cells[#cells - 1] + window - now + keptMs) end
end
`

const TAKE = `
local reply, windows, allowed = { 1, now }, {}, true
for i, key in ipairs(KEYS) do
  local limit, window = tonumber(ARGV[3 * i - 1]), tonumber(ARGV[3 * i])
  local cells, used, isMoved = read(key, window)
  windows[i] = { cells, used, isMoved }
  if used >= limit then allowed = false end
end
if not allowed then reply[1] = 0 end
for i, key in ipairs(KEYS) do
  local limit, window, merge = tonumber(ARGV[3 * i - 1]), tonumber(ARGV[3 * i]), tonumber(ARGV[3 * i + 1])
  local cells, used = windows[i][1], windows[i][2]
  if allowed and ARGV[1] == '1' then
    if #cells == 1 or now - cells[1] >= merge then
      cells[1] = now
      cells[#cells + 1] = now
      cells[#cells + 1] = 1
    else
      cells[#cells - 1] = now
      cells[#cells] = cells[#cells] + 1
    end
    used = used + 1
    write(key, cells, window)
  elseif windows[i][3] then
    -- Else the next look would move it again, and nothing would ever be over.
    write(key, cells, window)
  end
  reply[#reply + 1] = limit - used
  reply[#reply + 1] = used < limit and 0 or cells[2] + window - now
  reply[#reply + 1] = used == 0 and 0 or cells[#cells - 1] + window - now
end
return reply`

const GIVE_BACK = `
for i, key in ipairs(KEYS) do
  local window = tonumber(ARGV[i + 2])
  if ARGV[1] + window > now then
    local cells, used = read(key, window)
    if used > 0 then
      for time = 1, math.min(tonumber(ARGV[2]), used) do
        cells[3] = cells[3] - 1
        if cells[3] == 0 then
          table.remove(cells, 2)
          table.remove(cells, 2)
        end
      end
      write(key, cells, window)
    end
  end
end
return 1`

/**
 * For tests on another clock than that by which Redis lets keys go.
 * @param time Lua that sets `now` to milliseconds
 * @param keptMs how much longer than their window keys are kept
 */
export function redisScripts(time = SERVER_TIME, keptMs = 0): Scripts {
  const start = `${time}\nlocal keptMs = ${keptMs}${WINDOW}`
  return { take: scriptOf(`${start}${TAKE}`), giveBack: scriptOf(`${start}${GIVE_BACK}`) }
}

function scriptOf(text: string): Script {
  return { text, digest: createHash('sha1').update(text).digest('hex') }
}
