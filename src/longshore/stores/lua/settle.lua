-- Changes that end running jobs with a result: each job once, nothing else set than state, result, times and purge time.
-- One pass without tables or closures a job: this and `claim.lua` are what a busy store does all day.
local refused, first = {}, at
if #ARGV >= first then
  local sub, pack, parse = string.sub, struct.pack, struct.unpack
  local none = pack('<d', NONE)
  local found, ids, values, over, purges, freed, counts, ends = {}, {}, {}, {}, {}, {}, {}, {}
  for i = first, #ARGV do
    ids[#ids + 1] = string.sub(ARGV[i], 1, 16)
  end
  for from = 1, #ids, 1000 do
    local some = call('HMGET', KEYS[1], unpack(ids, from, math.min(from + 999, #ids)))
    for i = 1, #some do
      found[from + i - 1] = some[i]
    end
  end
  for i = 1, #ids do
    local id, v, fits = ids[i], found[i], false
    if v then
      local argument = ARGV[first + i - 1]
      local state, from = string.byte(argument, 21), 38
      fits = sub(v, 1, 1) == 'r' and sub(v, 6, 9) == sub(argument, 17, 20)
      if fits then
        local queue, unique = parse('<I4I4', v, 82)
        local purge = parse('<d', argument, 30)
        local n = #values
        values[n + 1] = id
        -- The result is the last text: all others stay where they are.
        values[n + 2] = sub(argument, 21, 21) .. sub(v, 2, 49) .. none .. sub(v, 58, 65) .. sub(argument, 22, 37)
          .. sub(v, 82, 117) .. pack('<I4', #argument - from + 1) .. sub(v, SIZE + 1, #v - parse('<I4', v, 118))
          .. sub(argument, from)
        over[#over + 1] = id
        if unique > 0 then
          freed[#freed + 1] = sub(v, SIZE + queue + 1, SIZE + queue + unique)
        end
        if purge == purge then
          n = #purges
          purges[n + 1], purges[n + 2] = purge, id
        end
        local list, number = ends[state], counts[state]
        if not list then
          list, number = {}, {}
          ends[state], counts[state] = list, number
        end
        n = #list
        list[n + 1], list[n + 2] = 0, id
        local name = sub(v, SIZE + 1, SIZE + queue)
        number[name] = (number[name] or 0) + 1
      end
    end
    if not fits then
      refused[#refused + 1] = i - 1
    end
  end
  if #over > 0 then
    -- Removing comes first: so results are taken also by a server that has no room for new jobs.
    many('ZREM', P .. 's:r', over, 1)
    many('ZREM', P .. 'leases', over, 1)
    many('HSET', KEYS[1], values, 2)
    many('HDEL', P .. 'unique', freed, 1)
    many('ZADD', P .. 'purge', purges, 2)
    for state, list in pairs(ends) do
      local mark = string.char(state)
      many('ZADD', P .. 's:' .. mark, list, 2)
      for name, number in pairs(counts[state]) do
        if call('HINCRBY', P .. 'counts', 'r' .. name, -number) <= 0 then
          call('HDEL', P .. 'counts', 'r' .. name)
        end
        call('HINCRBY', P .. 'counts', mark .. name, number)
      end
    end
  end
end
