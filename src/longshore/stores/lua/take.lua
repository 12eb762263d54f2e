-- Claims: the due jobs of the lines that are neither paused nor unasked for, best first.
local function paused()
  local found, names = call('HGETALL', P .. 'doc:paused'), {}
  for i = 1, #found, 2 do
    local till = struct.unpack('<d', found[i + 1])
    if till ~= till or till > now then
      names[found[i]] = true
    end
  end
  return names
end

local function split(line)
  local colon = string.find(line, ':', 1, true)
  return tonumber(string.sub(line, 1, colon - 1)), string.sub(line, colon + 1)
end

-- By due time, then id, byte by byte: Lua would compare texts by the server's locale.
local function earlier(a, b)
  if a.at ~= b.at then
    return a.at < b.at
  end
  for i = 1, 16 do
    local x, y = string.byte(a.id, i), string.byte(b.id, i)
    if x ~= y then
      return x < y
    end
  end
  return false
end

-- The next job of a line, read ahead by pieces; false when none is due.
local function advance(line)
  line.i = line.i + 2
  if line.i > #line.ahead then
    line.ahead = call('ZRANGE', P .. 'q:' .. line.name, line.read, line.read + line.piece - 1, 'WITHSCORES')
    line.read, line.piece, line.i = line.read + line.piece, math.min(line.piece * 2, 500), 1
  end
  line.id, line.at = line.ahead[line.i], tonumber(line.ahead[line.i + 1])
  return line.id and line.at <= now
end

local function sink(heap, i, n)
  while true do
    local least, left = i, 2 * i
    if left <= n and earlier(heap[left], heap[least]) then
      least = left
    end
    if left < n and earlier(heap[left + 1], heap[least]) then
      least = left + 1
    end
    if least == i then
      return
    end
    heap[i], heap[least] = heap[least], heap[i]
    i = least
  end
end

-- Lines of one priority, merged: at most `need` ids into `ids`.
local function merge(heap, need, ids)
  local n = #heap
  for i = math.floor(n / 2), 1, -1 do
    sink(heap, i, n)
  end
  while n > 0 and need > 0 do
    local top = heap[1]
    ids[#ids + 1] = top.id
    need = need - 1
    if not advance(top) then
      heap[1] = heap[n]
      n = n - 1
    end
    sink(heap, 1, n)
  end
  return need
end

-- The due lines by priority, higher first: each a list ready to be merged.
local function due_lines(wanted, closed, limit)
  local found, levels, by = call('ZRANGEBYSCORE', P .. 'heads', '-inf', exact(now)), {}, {}
  for _, name in ipairs(found) do
    local priority, queue = split(name)
    if not closed[queue] and (not wanted or wanted[queue]) then
      if not by[priority] then
        by[priority] = {}
        levels[#levels + 1] = priority
      end
      by[priority][#by[priority] + 1] = name
    end
  end
  table.sort(levels, function(a, b) return a > b end)
  return levels, by
end

local function best(levels, by, limit)
  local ids, need = {}, limit
  for _, priority in ipairs(levels) do
    if need <= 0 then
      break
    end
    local names = by[priority]
    if #names == 1 then
      local found = call('ZRANGEBYSCORE', P .. 'q:' .. names[1], '-inf', exact(now), 'LIMIT', 0, need)
      for i = 1, #found do
        ids[#ids + 1] = found[i]
      end
      need = need - #found
    else
      local heap, piece = {}, math.max(2, math.ceil(need / #names))
      for _, name in ipairs(names) do
        local line = { name = name, i = 1, ahead = {}, read = 0, piece = piece }
        if advance(line) then
          heap[#heap + 1] = line
        end
      end
      need = merge(heap, need, ids)
    end
  end
  return ids, need
end

-- When the first job of these lines is due, as it is stored.
local function first_due(wanted, closed)
  local from = 0
  while true do
    local heads = call('ZRANGE', P .. 'heads', from, from + 99, 'WITHSCORES')
    for i = 1, #heads, 2 do
      local _, queue = split(heads[i])
      if not closed[queue] and (not wanted or wanted[queue]) then
        return heads[i + 1]
      end
    end
    if #heads < 200 then
      return false
    end
    from = from + 100
  end
end

-- An id without a job can only come from a foreign hand; it must not hold up its line.
local function forget(id, by)
  for _, names in pairs(by) do
    for _, name in ipairs(names) do
      call('ZREM', P .. 'q:' .. name, id)
      lines[name] = true
    end
  end
end

-- Lease at most `limit` jobs. Gives id and value of each in one text, and, where fewer were due, when the next one is.
local function take(wanted, limit, lease, worker)
  local closed = paused()
  local levels, by = due_lines(wanted, closed, limit)
  local ids, need = best(levels, by, limit)
  local claimed = {}
  if #ids > 0 then
    load(ids)
    for i = 1, #ids do
      local id = ids[i]
      local h = jobs[id]
      if h then
        touch(id, h)
        h[STATE], h[ATTEMPT], h[LEASE] = RUNNING, h[ATTEMPT] + 1, now + lease
        h[STARTED] = h[CRASHES] > 0 and NONE or now
        put(h, REASON, NIL)
        put(h, WORKER, worker)
      else
        forget(id, by)
      end
    end
    flush()
    for i = 1, #ids do
      if jobs[ids[i]] then
        claimed[#claimed + 1] = ids[i] .. jobs[ids[i]].v
      end
    end
  end
  if need <= 0 then
    return claimed, false
  end
  return claimed, first_due(wanted, closed)
end
