-- Appends commits to one partition. A commit is written whole or not at all.
--
-- Redis runs a script atomically, but it does not undo what a script wrote before
-- an error. So the script has two phases: it first checks everything that can make
-- it stop, and only then writes. A commit with conflicts is skipped; it does not
-- stop the other commits of the call.
--
-- KEYS[1]    the partition's stream
-- KEYS[2]    its counter: a hash with `epoch`, `last` and `floor`
-- KEYS[3..]  the buckets of heads that the commits touch
-- ARGV[1]    the log epoch that the client knows
-- ARGV[2]    the highest event number that the client has seen
-- ARGV[3..]  per commit: number of groups, number of events, metadata, the
--            name of the payload's field, the payload; per group of events of
--            one key: index into KEYS (0 for events without a head), key,
--            expected version, expected number of its last event, number of
--            events, fold version and state
-- Returns    per commit: the number of its last event; or, if it was not
--            written, pairs of a group's index (from 0) and the version found
-- Errors     MISSING, EPOCH, BEHIND: this is not the log that the client
--            knows; DAMAGED, a number of this partition, what is wrong there
local stream, counter = KEYS[1], KEYS[2]
local found = redis.call('HMGET', counter, 'epoch', 'last', 'floor')
local epoch, number, floor = found[1], tonumber(found[2]), tonumber(found[3])
-- A Redis that came back empty has no counter. Starting at 1 again would reuse
-- numbers that readers have already seen with other events.
if not (epoch and number and floor) then
  return redis.error_reply('MISSING the counter of this partition is gone')
end
-- Another log, or one that an operator accepted in the meantime: versions and
-- numbers that the client knows say nothing about it.
if epoch ~= ARGV[1] then
  return redis.error_reply('EPOCH ' .. epoch)
end
-- An older copy of the log: the numbers after it were used before.
if number < tonumber(ARGV[2]) then
  return redis.error_reply('BEHIND ' .. number)
end
-- The stream must hold the events from the floor on. If it is empty although the
-- counter is not below the floor, the stream was lost.
if number >= floor and redis.call('XLEN', stream) == 0 then
  return redis.error_reply('DAMAGED ' .. number .. ' the stream is empty, but the counter says '
    .. number)
end

-- Heads, {version, last}, as they are after the commits accepted so far. Nothing
-- is written yet, so a later commit of the same call must be checked against these
-- and not against the stored heads.
local heads = {}
local function head_of(bucket, key)
  local head = heads[key]
  if head then return head end
  local text = redis.call('HGET', bucket, key)
  if text then
    local version, last = string.match(text, '^(%d+) (%d+) ')
    if not version then
      return nil, 'DAMAGED 0 the head of ' .. key .. ' is not readable'
    end
    head = {tonumber(version), tonumber(last)}
    -- Heads and counter are written together. A head ahead of the counter means
    -- that parts of the partition come from different copies.
    if head[2] > number then
      return nil, 'DAMAGED ' .. last .. ' the head of ' .. key
        .. ' points here, but the log ends at ' .. number
    end
  else
    head = {0, 0}
  end
  heads[key] = head
  return head
end

-- Phase 1: check, without writing. `ends` is the number of the last event after
-- the commits accepted so far.
local results, accepted, ends = {}, {}, number
local at, argc = 3, #ARGV
while at <= argc do
  local groups, events = tonumber(ARGV[at]), tonumber(ARGV[at + 1])
  local conflicts = {}
  for g = 0, groups - 1 do
    local arg = at + 5 + 6 * g
    local bucket = tonumber(ARGV[arg])
    -- Plain records have no head and never conflict.
    if bucket > 0 then
      local head, problem = head_of(KEYS[bucket], ARGV[arg + 1])
      if not head then return redis.error_reply(problem) end
      -- Optimistic concurrency. The number of the last event is compared too, since
      -- the payload already contains it, as the back pointer of the first event.
      if head[1] ~= tonumber(ARGV[arg + 2]) or head[2] ~= tonumber(ARGV[arg + 3]) then
        -- All conflicts of the commit are reported, so that the client can
        -- append the other groups at once.
        conflicts[#conflicts + 1] = g
        conflicts[#conflicts + 1] = head[1]
      end
    end
  end
  if #conflicts > 0 then
    results[#results + 1] = conflicts
  else
    -- Heads change only once the whole commit is accepted: a rejected commit must
    -- leave no trace for the commits after it.
    local last = ends
    for g = 0, groups - 1 do
      local arg = at + 5 + 6 * g
      local count = tonumber(ARGV[arg + 4])
      last = last + count
      if ARGV[arg] ~= '0' then
        local head = heads[ARGV[arg + 1]]
        head[1], head[2] = head[1] + count, last
      end
    end
    accepted[#accepted + 1] = {at, ends}
    ends = last
    results[#results + 1] = last
  end
  at = at + 5 + 6 * groups
end

-- Phase 2: write. The XADD of a commit comes first because it can still fail: if
-- Redis is out of memory, or if the stream holds higher ids than the counter says.
-- In both cases the first XADD fails, before anything is written; after a script's
-- first write Redis no longer refuses its commands for lack of memory.
for _, commit in ipairs(accepted) do
  local at, last = commit[1], commit[2]
  local groups, events = tonumber(ARGV[at]), tonumber(ARGV[at + 1])
  -- The id carries the number of the last event, so that an entry is found by
  -- the number of any of its events with one XRANGE.
  redis.call('XADD', stream, (last + events) .. '-' .. events,
    'm', ARGV[at + 2], ARGV[at + 3], ARGV[at + 4])
  for g = 0, groups - 1 do
    local arg = at + 5 + 6 * g
    local count = tonumber(ARGV[arg + 4])
    last = last + count
    local bucket = tonumber(ARGV[arg])
    if bucket > 0 then
      redis.call('HSET', KEYS[bucket], ARGV[arg + 1],
        (tonumber(ARGV[arg + 2]) + count) .. ' ' .. last .. ' ' .. ARGV[arg + 5])
    end
  end
end
-- Not written if every commit was in conflict: the call then changes nothing.
if #accepted > 0 then
  redis.call('HSET', counter, 'last', ends)
end
return results
