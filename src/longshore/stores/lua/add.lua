--@ begin
-- New jobs as most are: queued, with neither unique key nor reason, each id once. Gives nothing, having done nothing, where one
-- is stored already: then it is for `add_any.lua` to see.
-- ARGV: nothing, number of lines, then for each line its name, its queue, how many jobs, and the jobs: id and value in one.
if #ARGV == 6 then
  local id, till = string.sub(ARGV[6], 1, 16), struct.unpack('<d', ARGV[6], 34)
  if call('HSETNX', KEYS[1], id, string.sub(ARGV[6], 17)) == 0 then
    return false
  end
  call('ZADD', P .. 'q:' .. ARGV[3], till, id)
  call('ZADD', P .. 's:q', 0, id)
  call('HINCRBY', P .. 'counts', 'q' .. ARGV[4], 1)
  call('ZADD', P .. 'heads', 'LT', till, ARGV[3])
  return 1
end
local places, ids, firsts = tonumber(ARGV[2]), {}, {}
local at = 3
for line = 1, places do
  firsts[line] = at
  local last = at + 2 + tonumber(ARGV[at + 2])
  for i = at + 3, last do
    ids[#ids + 1] = string.sub(ARGV[i], 1, 16)
  end
  at = last + 1
end
for from = 1, #ids, 1000 do
  local found = call('HMGET', KEYS[1], unpack(ids, from, math.min(from + 999, #ids)))
  for i = 1, #found do
    if found[i] then
      return false
    end
  end
end
local k = 0
for line = 1, places do
  local first = firsts[line]
  local name, queue, number = ARGV[first], ARGV[first + 1], tonumber(ARGV[first + 2])
  local least, last = 1 / 0, first + 2 + number
  for from = first + 3, last, 1000 do
    local values, order, all, n = {}, {}, {}, 0
    for i = from, math.min(from + 999, last) do
      k = k + 1
      local id, till = ids[k], struct.unpack('<d', ARGV[i], 34)
      values[n + 1], values[n + 2] = id, string.sub(ARGV[i], 17)
      order[n + 1], order[n + 2] = till, id
      all[n + 1], all[n + 2] = '0', id
      n = n + 2
      least = math.min(least, till)
    end
    call('HSET', KEYS[1], unpack(values))
    call('ZADD', P .. 'q:' .. name, unpack(order))
    call('ZADD', P .. 's:q', unpack(all))
  end
  call('HINCRBY', P .. 'counts', 'q' .. queue, number)
  call('ZADD', P .. 'heads', 'LT', least, name)
end
return 1
