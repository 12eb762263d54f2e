-- The claim, and the answer: the time, when to ask again, the number of refused changes, their positions, then each claimed
-- job: id and value. Uses what `asked` and `settle` (or `change`) left.
local answer = { exact(now), '', #refused }
for i = 1, #refused do
  answer[3 + i] = refused[i]
end
if limit <= 0 then
  return answer
end

local closed, docs = {}, call('HGETALL', P .. 'doc:paused')
for i = 1, #docs, 2 do
  local till = struct.unpack('<d', docs[i + 1])
  if till ~= till or till > now then
    closed[docs[i]] = true
  end
end

-- The due lines we may take from, by priority.
local till, levels, by = answer[1], {}, {}
local due = call('ZRANGEBYSCORE', P .. 'heads', '-inf', till)
for i = 1, #due do
  local colon = string.find(due[i], ':', 1, true)
  local queue = string.sub(due[i], colon + 1)
  if not closed[queue] and (not wanted or wanted[queue]) then
    local priority = tonumber(string.sub(due[i], 1, colon - 1))
    if not by[priority] then
      by[priority] = {}
      levels[#levels + 1] = priority
    end
    by[priority][#by[priority] + 1] = due[i]
  end
end
if #levels > 1 then
  table.sort(levels, function(a, b) return a > b end)
end

local ids, taken = {}, {}
for i = 1, #levels do
  local names, need = by[levels[i]], limit - #ids
  if need <= 0 then
    break
  elseif #names > 1 then
    merged(names, need, ids, taken)
  else
    local found = call('ZRANGEBYSCORE', P .. 'q:' .. names[1], '-inf', till, 'LIMIT', 0, need)
    taken[names[1]] = #found
    if #ids == 0 then
      ids = found
    else
      for k = 1, #found do
        ids[#ids + 1] = found[k]
      end
    end
  end
end

if #ids > 0 then
  local sub, pack, parse = string.sub, struct.pack, struct.unpack
  local none, begun, till_when = pack('<d', NONE), pack('<d', now), pack('<d', now + lease)
  local words = pack('<I4I4', 1, #worker) -- the lengths of the reason, which goes, and the worker
  local values, leases, runs, open, counts = {}, {}, {}, {}, {}
  for from = 1, #ids, 1000 do
    local some = call('HMGET', KEYS[1], unpack(ids, from, math.min(from + 999, #ids)))
    for i = 1, #some do
      local id, v = ids[from + i - 1], some[i]
      -- Without a value an id is a foreign hand's work; it goes from its line, and nothing comes of it.
      if v then
        local queue, unique, task, args, headers, errors, progress, reason, was = parse(LENGTHS, v, 82)
        local stop = SIZE + queue + unique + task + args + headers + errors + progress
        if reason ~= 1 or sub(v, stop + 1, stop + 1) ~= NIL then
          open[#open + 1] = id
        end
        local attempt, failures, crashes = parse('<I4I4I4', v, 6)
        local new = 'r' .. sub(v, 2, 5) .. pack('<I4', attempt + 1) .. sub(v, 10, 49) .. till_when
          .. (crashes > 0 and none or begun) .. sub(v, 66, 109) .. words .. sub(v, 118, stop) .. NIL .. worker
          .. sub(v, stop + reason + was + 1)
        local n = #values
        values[n + 1], values[n + 2] = id, new
        leases[n + 1], leases[n + 2] = now + lease, id
        runs[n + 1], runs[n + 2] = 0, id
        answer[#answer + 1] = id .. new
        local name = sub(v, SIZE + 1, SIZE + queue)
        counts[name] = (counts[name] or 0) + 1
      end
    end
  end
  for name, number in pairs(taken) do
    local key = P .. 'q:' .. name
    if number > 0 then
      call('ZREMRANGEBYRANK', key, 0, number - 1)
    end
    local head = call('ZRANGE', key, 0, 0, 'WITHSCORES')
    if head[1] then
      call('ZADD', P .. 'heads', head[2], name)
    else
      call('ZREM', P .. 'heads', name)
    end
  end
  many('ZREM', P .. 's:q', ids, 1)
  many('ZREM', P .. 'blocked', open, 1)
  many('HSET', KEYS[1], values, 2)
  many('ZADD', P .. 's:r', runs, 2)
  many('ZADD', P .. 'leases', leases, 2)
  for name, number in pairs(counts) do
    if call('HINCRBY', P .. 'counts', 'q' .. name, -number) <= 0 then
      call('HDEL', P .. 'counts', 'q' .. name)
    end
    call('HINCRBY', P .. 'counts', 'r' .. name, number)
  end
end
if #ids >= limit then
  return answer
end

-- Fewer than asked for: when is the first of the others due?
local from = 0
while true do
  local heads = call('ZRANGE', P .. 'heads', from, from + 9 + from, 'WITHSCORES')
  for i = 1, #heads, 2 do
    local queue = string.sub(heads[i], string.find(heads[i], ':', 1, true) + 1)
    if not closed[queue] and (not wanted or wanted[queue]) then
      answer[2] = heads[i + 1]
      return answer
    end
  end
  if #heads < 2 * (10 + from) then
    return answer
  end
  from = from + 10 + from
end
