-- KEYS: sorted sets of ids. ARGV: the id to stay below (empty: none), how many at most.
-- Gives the highest of them of each set, all as of one moment.
local answer = {}
for i, key in ipairs(KEYS) do
  local below = ARGV[1] == '' and '+' or '(' .. ARGV[1]
  answer[i] = redis.call('ZREVRANGEBYLEX', key, below, '-', 'LIMIT', 0, tonumber(ARGV[2]))
end
return answer
