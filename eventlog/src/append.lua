-- Appends items to one partition: checks all of them, then writes.
-- Redis runs a script alone and keeps what it wrote before an error, so every
-- reason to stop is looked for before the first write.
--
-- KEYS[1]    the partition's stream
-- KEYS[2..]  the buckets of heads that the items touch
-- ARGV       per item: index into KEYS, aggregate key, expected version,
--            fold version and state, number of events; per event: t, d, m
-- Returns    per item: the number of its last event, or -1 - V where the
--            aggregate has version V instead of the expected one
-- Errors     DAMAGED, a number of this partition, and what is wrong there
local stream = KEYS[1]
local number = redis.call('XLEN', stream)
local items, versions, heads = {}, {}, {}

local at, argc = 1, #ARGV
while at <= argc do
  local bucket, key, expected = KEYS[tonumber(ARGV[at])], ARGV[at + 1], tonumber(ARGV[at + 2])
  local count = tonumber(ARGV[at + 4])
  local version = versions[key]
  if not version then
    local head = redis.call('HGET', bucket, key)
    if head then
      local v, last = string.match(head, '^(%d+) (%d+) ')
      if not v then
        return redis.error_reply('DAMAGED 0 the head of ' .. key .. ' is not readable')
      end
      if tonumber(last) > number then
        return redis.error_reply('DAMAGED ' .. last .. ' the head of ' .. key
          .. ' stands here, but the log ends at ' .. number)
      end
      version = tonumber(v)
      heads[key] = {version, tonumber(last)}
    else
      version = 0
      heads[key] = {0, 0}
    end
  end
  if version == expected then
    items[#items + 1] = {at, bucket, key, count}
    version = version + count
  else
    items[#items + 1] = -1 - version
  end
  versions[key] = version
  at = at + 5 + 3 * count
end

local results = {}
for i, item in ipairs(items) do
  if type(item) == 'number' then
    results[i] = item
  else
    local base, bucket, key, count = item[1], item[2], item[3], item[4]
    local head = heads[key]
    for e = 0, count - 1 do
      local arg = base + 5 + 3 * e
      number = number + 1
      head[1] = head[1] + 1
      redis.call('XADD', stream, number .. '-0', 'k', key, 'n', head[1], 'b', head[2],
        't', ARGV[arg], 'd', ARGV[arg + 1], 'm', ARGV[arg + 2])
      head[2] = number
    end
    redis.call('HSET', bucket, key, head[1] .. ' ' .. head[2] .. ' ' .. ARGV[base + 3])
    results[i] = number
  end
end
return results
