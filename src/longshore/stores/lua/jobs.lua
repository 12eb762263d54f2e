-- In a table, a job is the numbers of its head by position, `v` the value it was read from, `s` the texts that were
-- changed, `was` how it stands in the indexes.
local STATE, PRIORITY, ATTEMPT, CRASHES, RUN_AT = 1, 4, 5, 7, 8
local CANCEL, EXPIRES, KEEP, LEASE, STARTED, FINISHED, PURGE = 2, 10, 11, 12, 13, 14, 15
local QUEUE, UNIQUE, TASK, ARGS, HEADERS, ERRORS, PROGRESS, REASON, WORKER, RESULT = 16, 17, 18, 19, 20, 21, 22, 23, 24, 25
local HOLDING = { [QUEUED] = true, [WAITING] = true, [RUNNING] = true }

local jobs, touched, removed = {}, {}, {}

local function parse(v)
  local h = { struct.unpack(HEAD, v) }
  h.v = v
  return h
end

local function text(h, field)
  if h.s and h.s[field] then
    return h.s[field]
  end
  local from = SIZE + 1
  for f = QUEUE, field - 1 do
    from = from + h[f]
  end
  return string.sub(h.v, from, from + h[field] - 1)
end

local function put(h, field, value)
  h.s = h.s or {}
  h.s[field] = value
end

local function value(h)
  if not h.s then
    return struct.pack(HEAD, unpack(h, 1, RESULT)) .. string.sub(h.v, SIZE + 1)
  end
  local parts, from, to = { '' }, SIZE + 1, SIZE
  for f = QUEUE, RESULT do
    local s = h.s[f]
    if s then
      parts[#parts + 1] = string.sub(h.v, from, to)
      parts[#parts + 1] = s
      from = to + h[f] + 1
      to, h[f] = from - 1, #s
    else
      to = to + h[f]
    end
  end
  parts[#parts + 1] = string.sub(h.v, from)
  parts[1] = struct.pack(HEAD, unpack(h, 1, RESULT))
  h.v, h.s = table.concat(parts), nil
  return h.v
end

-- Read these jobs, so far as they exist, into `jobs`.
local function load(ids)
  for from = 1, #ids, 1000 do
    local to = math.min(from + 999, #ids)
    local found = call('HMGET', KEYS[1], unpack(ids, from, to))
    for i = from, to do
      local v = found[i - from + 1]
      if v and not jobs[ids[i]] then
        jobs[ids[i]] = parse(v)
      end
    end
  end
end
