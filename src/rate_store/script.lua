-- One process asks for permits, and all share what it has heard of the service. Atomic, on the
-- server's clock, so no process's clock matters.
--
-- KEYS[1] state, KEYS[2] who was here of late
-- ARGV: 1 process  2 ceiling, in thousandths of a permit a second  3 permits wanted
--       4 the number of cuts that a refused request was sent under, else -1
--       5 microseconds for which the service wants nothing to be sent, else 0
--       6 1 the service does not answer, 0 it answers again, else -1
--       7 parts of the rate that a process goes by which comes back, else 0
-- Returns granted, microseconds until the first, microseconds from each to the next, cuts, rate in
-- thousandths, microseconds of rest, processes, microseconds that permits may lie ahead

local SECOND = 1000000
local SEEN = 2 * SECOND          -- who was not here for so long is gone
local KEPT = 0.85                -- of a rate that was refused
local STAY = 3 * SECOND          -- how long a rate is kept before more is tried
local GROWTH = 0.01              -- of the ceiling, each second
local COMING_BACK = 4 * SECOND   -- until then all who were alone have come back
local KEEP_MS = 600000           -- a key that nobody uses goes

local time = redis.call('TIME')
local now = time[1] * SECOND + time[2]
local ceiling, wanted = ARGV[2] / 1000, tonumber(ARGV[3])
local names = {'tat', 'limit', 'cuts', 'cut_at', 'grown', 'rest', 'away', 'probe', 'gap', 'back', 'parts'}
local state = {}
for n, value in ipairs(redis.call('HMGET', KEYS[1], unpack(names))) do
    state[names[n]] = value and tonumber(value) or 0
end

redis.call('ZADD', KEYS[2], string.format('%.0f', now), ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', string.format('%.0f', now - SEEN))
local processes = redis.call('ZCARD', KEYS[2])

-- The rate: down where it was refused, up again by and by. No limit is kept as 0.
if state.limit > 0 and now > state.grown then
    state.limit = state.limit + ceiling * GROWTH * (now - state.grown) / SECOND
    state.grown = now
    if state.limit >= ceiling then state.limit = 0 end
end
if tonumber(ARGV[4]) == state.cuts and now - state.cut_at >= SECOND then
    local rate = state.limit > 0 and math.min(state.limit, ceiling) or ceiling
    state.limit = math.max(rate * KEPT, math.min(0.5, ceiling))
    state.cuts, state.cut_at, state.grown = state.cuts + 1, now, now + STAY
end
local rate = state.limit > 0 and math.min(state.limit, ceiling) or ceiling

-- A rest that the service asked for is never shortened.
local rest = tonumber(ARGV[5])
if rest > 0 then state.rest = math.max(state.rest, now + rest) end

if ARGV[6] == '1' and state.away == 0 then state.away, state.probe, state.gap = 1, now, SECOND / 4 end
if ARGV[6] == '0' then state.away = 0 end

-- After an outage of this store others still go by their parts: no more than the parts of those
-- who have come back is given out.
local parts = tonumber(ARGV[7])
if parts > 0 then
    if now >= state.back then state.parts = 0 end
    state.back, state.parts = now + COMING_BACK, math.max(state.parts, parts)
end
local share = 1
if now < state.back and processes < state.parts then share = processes / state.parts end

-- Who is alone once more must not take the few who are back for all.
if now < state.back then processes = math.max(processes, state.parts) end

local apart = SECOND / (rate * share)
local ahead = math.max(SECOND / 2, 2 * processes * apart)
local granted, wait = 0, 0
if state.away == 1 then
    -- One request at a time shows whether the service is back.
    if wanted > 0 and now >= math.max(state.probe, state.rest) then
        granted = 1
        state.gap = math.min(state.gap * 2, 3 * SECOND)
        state.probe = now + state.gap
    end
    wait = granted == 1 and 0 or math.max(state.probe, state.rest) - now
else
    local start = math.max(state.tat, now, state.rest)
    if wanted > 0 and start <= math.max(now, state.rest) + ahead then
        granted, wait = wanted, start - now
        state.tat = start + wanted * apart
    else
        wait = start - now - ahead / 2
    end
end

local fields = {}
for _, name in ipairs(names) do
    fields[#fields + 1] = name
    fields[#fields + 1] = string.format('%.3f', state[name])
end
redis.call('HSET', KEYS[1], unpack(fields))
local keep = KEEP_MS + math.max(0, math.ceil((state.rest - now) / 1000))
redis.call('PEXPIRE', KEYS[1], keep)
redis.call('PEXPIRE', KEYS[2], keep)
return {granted, math.ceil(math.max(wait, 0)), math.ceil(apart), state.cuts, math.floor(rate * 1000),
    math.ceil(math.max(state.rest - now, 0)), processes, math.ceil(ahead)}
