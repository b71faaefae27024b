#!lua
-- Claims many uses at once, or only looks; nil when the state is not the one that is known, or the history is another.
-- ARGV: the token of the known state, "claim" or "peek", and for each use its mark, its date and its end.
local last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')
if not last[2] or last[2] ~= 'inf' then return false end
local state = cjson.decode(last[1])
if state.token ~= ARGV[1] then return false end
local process = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
local history = string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)')
if state.place ~= process .. '/' .. history then return false end
local verdicts = {}
for i = 3, #ARGV, 3 do
    local dated, over = tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2])
    local verdict = '1'
    if dated <= state.barrier or over <= state.forgotten then
        verdict = '2'
    elseif ARGV[2] == 'peek' then
        if not redis.call('ZSCORE', KEYS[1], ARGV[i]) then verdict = '0' end
    elseif redis.call('ZADD', KEYS[1], 'NX', math.max(over, dated + state.keep), ARGV[i]) == 1 then
        verdict = '0'
    end
    verdicts[#verdicts + 1] = verdict
end
return table.concat(verdicts)
