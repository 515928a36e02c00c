-- Appends commits to one partition. A commit is written whole or not at all.
-- Redis runs a script alone and keeps what it wrote before an error, so every
-- reason to stop is looked for before the first write.
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
-- Returns    per commit: the number of its last event; or, where it was not
--            written, pairs of a group's index (from 0) and the version found
-- Errors     MISSING, EPOCH, BEHIND: this is not the log that the client
--            knows; DAMAGED, a number of this partition, what is wrong there
local stream, counter = KEYS[1], KEYS[2]
local found = redis.call('HMGET', counter, 'epoch', 'last', 'floor')
local epoch, number, floor = found[1], tonumber(found[2]), tonumber(found[3])
if not (epoch and number and floor) then
  return redis.error_reply('MISSING the counter of this partition is gone')
end
if epoch ~= ARGV[1] then
  return redis.error_reply('EPOCH ' .. epoch)
end
if number < tonumber(ARGV[2]) then
  return redis.error_reply('BEHIND ' .. number)
end
if number >= floor and redis.call('XLEN', stream) == 0 then
  return redis.error_reply('DAMAGED ' .. number .. ' the stream is empty, but the counter says '
    .. number)
end

-- The heads as they stand after the commits that were accepted so far.
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
    if head[2] > number then
      return nil, 'DAMAGED ' .. last .. ' the head of ' .. key
        .. ' stands here, but the log ends at ' .. number
    end
  else
    head = {0, 0}
  end
  heads[key] = head
  return head
end

local results, accepted, ends = {}, {}, number
local at, argc = 3, #ARGV
while at <= argc do
  local groups, events = tonumber(ARGV[at]), tonumber(ARGV[at + 1])
  local conflicts = {}
  for g = 0, groups - 1 do
    local arg = at + 5 + 6 * g
    local bucket = tonumber(ARGV[arg])
    if bucket > 0 then
      local head, problem = head_of(KEYS[bucket], ARGV[arg + 1])
      if not head then return redis.error_reply(problem) end
      if head[1] ~= tonumber(ARGV[arg + 2]) or head[2] ~= tonumber(ARGV[arg + 3]) then
        conflicts[#conflicts + 1] = g
        conflicts[#conflicts + 1] = head[1]
      end
    end
  end
  if #conflicts > 0 then
    results[#results + 1] = conflicts
  else
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

for _, commit in ipairs(accepted) do
  local at, last = commit[1], commit[2]
  local groups, events = tonumber(ARGV[at]), tonumber(ARGV[at + 1])
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
if #accepted > 0 then
  redis.call('HSET', counter, 'last', ends)
end
return results
