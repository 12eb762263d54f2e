-- Jobs and their indexes, brought up to date together by one `flush`:
--   s:STATE (ids by id)   q:PRIORITY:QUEUE (queued, by due time)   heads (those lines, by their first due time)
--   blocked (queued with a reason)   leases, purge (by time)   unique (key -> who holds it)   counts (state and queue -> number)
local rem, add, counts, lines, holders, order = {}, {}, {}, {}, {}, {}

local function listed(lists, key)
  local list = lists[key]
  if not list then
    list = {}
    lists[key] = list
  end
  return list
end

local function count(state, queue, step)
  local key = string.char(state) .. queue
  counts[key] = (counts[key] or 0) + step
end

local function score(number)
  return number == number and number or '+inf'
end

-- How a job stands in the indexes: all that `leave` and `enter` need.
local function standing(h)
  local state = h[STATE]
  local s = { state, text(h, QUEUE), false, false, false }
  if state == QUEUED then
    s[3] = h[PRIORITY] .. ':' .. s[2]
    s[4] = h[RUN_AT]
    s[5] = text(h, REASON) ~= NIL
  elseif state == RUNNING then
    s[4] = score(h[LEASE])
  elseif state ~= WAITING and state ~= HELD and h[PURGE] == h[PURGE] then
    s[4] = h[PURGE]
  end
  return s
end

local function leave(id, s)
  local state = s[1]
  local list = listed(rem, 's:' .. string.char(state))
  list[#list + 1] = id
  count(state, s[2], -1)
  if state == QUEUED then
    list = listed(rem, 'q:' .. s[3])
    list[#list + 1] = id
    lines[s[3]] = true
    if s[5] then
      list = listed(rem, 'blocked')
      list[#list + 1] = id
    end
  elseif s[4] then
    list = listed(rem, state == RUNNING and 'leases' or 'purge')
    list[#list + 1] = id
  end
end

local function enter(id, s)
  local state = s[1]
  local list = listed(add, 's:' .. string.char(state))
  local n = #list
  list[n + 1], list[n + 2] = 0, id
  count(state, s[2], 1)
  if state == QUEUED then
    list = listed(add, 'q:' .. s[3])
    n = #list
    list[n + 1], list[n + 2] = s[4], id
    lines[s[3]] = true
    if s[5] then
      list = listed(add, 'blocked')
      n = #list
      list[n + 1], list[n + 2] = 0, id
    end
  elseif s[4] then
    list = listed(add, state == RUNNING and 'leases' or 'purge')
    n = #list
    list[n + 1], list[n + 2] = s[4], id
  end
end

-- Call before the first change of a job.
local function touch(id, h)
  h.intact = nil
  if h.was == nil then
    h.was = standing(h)
    touched[#touched + 1] = id
  end
end

-- A job that is not stored yet.
local function create(id, h)
  h.was, h.intact = false, true
  jobs[id] = h
  touched[#touched + 1] = id
end

local function holder(key)
  local id = holders[key]
  if id == nil then
    id = call('HGET', P .. 'unique', key)
    holders[key] = id
  end
  return id
end

local function hold(key, id)
  holders[key] = id
  order[#order + 1] = key
end

local function same(a, b)
  return a[1] == b[1] and a[2] == b[2] and a[3] == b[3] and a[4] == b[4] and a[5] == b[5]
end

local function set_holders()
  local taken, freed = {}, {}
  for _, key in ipairs(order) do
    if holders[key] then
      taken[#taken + 1] = key
      taken[#taken + 1] = holders[key]
    else
      freed[#freed + 1] = key
    end
  end
  many('HDEL', P .. 'unique', freed, 1)
  many('HSET', P .. 'unique', taken, 2)
end

local function set_counts()
  for key, step in pairs(counts) do
    if step ~= 0 and call('HINCRBY', P .. 'counts', key, step) <= 0 then
      call('HDEL', P .. 'counts', key)
    end
  end
end

local function set_heads()
  for line in pairs(lines) do
    local head = call('ZRANGE', P .. 'q:' .. line, 0, 0, 'WITHSCORES')
    if head[1] then
      call('ZADD', P .. 'heads', head[2], line)
    else
      call('ZREM', P .. 'heads', line)
    end
  end
end

-- Write everything that was touched, created or taken out. A full server refuses the first write of a script only, and
-- only one that needs room: so new jobs are stored first, and whoever may go on beside a full server removes first.
local function flush(grow)
  local values = {}
  for _, id in ipairs(touched) do
    local h = jobs[id]
    local is = standing(h)
    if not h.was then
      enter(id, is)
    elseif not same(h.was, is) then
      leave(id, h.was)
      enter(id, is)
    end
    h.was = nil
    local n = #values
    values[n + 1], values[n + 2] = id, h.intact and h.v or value(h)
  end
  if not grow then
    call('ZREM', P .. 'heads', '')
  end
  many('HSET', KEYS[1], values, 2)
  for key, list in pairs(rem) do
    many('ZREM', P .. key, list, 1)
  end
  for key, list in pairs(add) do
    many('ZADD', P .. key, list, 2)
  end
  many('HDEL', KEYS[1], removed, 1)
  set_holders()
  set_counts()
  set_heads()
  touched, removed, rem, add, counts, lines, order = {}, {}, {}, {}, {}, {}, {}
end
