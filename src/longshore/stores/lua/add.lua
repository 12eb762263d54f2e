--@ begin
-- New jobs as most are: queued, with neither unique key nor reason, each id once. Gives nothing, having done nothing, where one
-- is stored already: then it is for `add_any.lua` to see.
-- ARGV: time, number of lines, then for each line its name, its queue, how many jobs, and for each job id, value, due time.
local places, ids, firsts = tonumber(ARGV[2]), {}, {}
local at = 3
for line = 1, places do
  firsts[line] = at
  local number = tonumber(ARGV[at + 2])
  for i = at + 3, at + 2 + 3 * number, 3 do
    ids[#ids + 1] = ARGV[i]
  end
  at = at + 3 + 3 * number
end
for from = 1, #ids, 1000 do
  local found = call('HMGET', KEYS[1], unpack(ids, from, math.min(from + 999, #ids)))
  for i = 1, #found do
    if found[i] then
      return false
    end
  end
end
for line = 1, places do
  local first = firsts[line]
  local name, queue, number = ARGV[first], ARGV[first + 1], tonumber(ARGV[first + 2])
  local least = tonumber(ARGV[first + 5])
  for from = first + 3, first + 2 + 3 * number, 3000 do
    local to = math.min(from + 2999, first + 2 + 3 * number)
    local values, order, all, n = {}, {}, {}, 0
    for i = from, to, 3 do
      local id, till = ARGV[i], ARGV[i + 2]
      values[n + 1], values[n + 2] = id, ARGV[i + 1]
      order[n + 1], order[n + 2] = till, id
      all[n + 1], all[n + 2] = '0', id
      n = n + 2
      least = math.min(least, tonumber(till))
    end
    call('HSET', KEYS[1], unpack(values))
    call('ZADD', P .. 'q:' .. name, unpack(order))
    call('ZADD', P .. 's:q', unpack(all))
  end
  call('HINCRBY', P .. 'counts', 'q' .. queue, number)
  call('ZADD', P .. 'heads', 'LT', exact(least), name)
end
return exact(now)
