-- The first due jobs of several lines of one priority: at most `need` into `ids`, and into `taken` how many of each line.
local function merged(names, need, ids, taken)
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

  -- To the next job of a line, read ahead by pieces; whether one is due.
  local function advance(line)
    line.i = line.i + 2
    if line.i > #line.ahead then
      line.ahead = call('ZRANGE', P .. 'q:' .. line.name, line.read, line.read + line.piece - 1, 'WITHSCORES')
      line.read, line.piece, line.i = line.read + line.piece, math.min(line.piece * 2, 500), 1
    end
    line.id, line.at = line.ahead[line.i], tonumber(line.ahead[line.i + 1])
    return line.id and line.at <= now
  end

  local heap, n = {}, 0

  local function sink(i)
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

  local piece = math.max(2, math.ceil(need / #names))
  for _, name in ipairs(names) do
    local line = { name = name, i = 1, ahead = {}, read = 0, piece = piece }
    if advance(line) then
      n = n + 1
      heap[n] = line
    end
  end
  for i = math.floor(n / 2), 1, -1 do
    sink(i)
  end
  while n > 0 and need > 0 do
    local top = heap[1]
    ids[#ids + 1] = top.id
    taken[top.name] = (taken[top.name] or 0) + 1
    need = need - 1
    if not advance(top) then
      heap[1] = heap[n]
      n = n - 1
    end
    sink(1)
  end
end
