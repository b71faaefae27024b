#!lua flags=allow-oom
-- What is there: the state or nothing, who answers, its clock, and how much is kept.
local last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')
local state = ''
if last[2] == 'inf' then state = last[1] end
return {
    state,
    redis.call('INFO', 'server') .. redis.call('INFO', 'replication') .. redis.call('INFO', 'memory')
        .. redis.call('INFO', 'persistence') .. redis.call('INFO', 'cluster'),
    redis.call('TIME')[1],
    redis.call('ZCARD', KEYS[1]),
}
