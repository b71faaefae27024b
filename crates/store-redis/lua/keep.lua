#!lua flags=allow-oom
-- Replaces the state if it is still the one that was seen, and the history is the one that the new one names.
-- ARGV: the state as it was seen, or nothing; the history; the new state.
local last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')
local state = ''
if last[2] == 'inf' then state = last[1] end
if state ~= ARGV[1] then return 0 end
local process = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
local history = string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)')
if ARGV[2] ~= process .. '/' .. history then return 0 end
if state ~= '' then redis.call('ZREM', KEYS[1], state) end
redis.call('ZADD', KEYS[1], '+inf', ARGV[3])
return 1
