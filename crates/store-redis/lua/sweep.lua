#!lua flags=allow-oom
-- Removes uses that the state says may be gone, a thousand at most, so that nobody waits for long; gives how many.
local last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')
if last[2] ~= 'inf' then return 0 end
local over = redis.call('ZCOUNT', KEYS[1], '-inf', cjson.decode(last[1]).forgotten)
local gone = math.min(over, 1000)
if gone > 0 then redis.call('ZREMRANGEBYRANK', KEYS[1], 0, gone - 1) end
return gone
