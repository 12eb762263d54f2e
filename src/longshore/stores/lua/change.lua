-- Any changes: `settle.lua` is for most of them. ARGV from `at` on: number of shapes, the shapes, then each change. A shape
-- lists the fields that changes of its kind set.
local refused = {}
local WIDTH = { 'B', 'B', 'B', 'i2', 'I4', 'I4', 'I4', 'd', 'd', 'd', 'd', 'd', 'd', 'd', 'd' }
local shapes = {}
for n = 1, tonumber(ARGV[at]) do
  local fields, form, places = { string.byte(ARGV[at + n], 1, -1) }, '<Bc16BI4', {}
  for i, field in ipairs(fields) do
    form = form .. (WIDTH[field] or 'I4')
    places[field] = i + 4
  end
  shapes[n] = { fields, form, places }
end
local first = at + #shapes + 1

-- A job may not begin to hold a key that another one holds.
local function keys_allow(id, h, places, change, texts)
  local key = texts[UNIQUE] or h[UNIQUE] > 0 and text(h, UNIQUE) or ''
  local state = places[STATE] and change[places[STATE]] or h[STATE]
  local takes = key ~= '' and HOLDING[state]
  if takes then
    local by = holder(key)
    if by and by ~= id then
      return false
    end
  end
  local old = h[UNIQUE] > 0 and text(h, UNIQUE)
  if old and HOLDING[h[STATE]] and holder(old) == id then
    hold(old, false)
  end
  if takes then
    hold(key, id)
  end
  return true
end

local function make(argument)
  local shape = shapes[string.byte(argument)]
  local fields, change = shape[1], { struct.unpack(shape[2], argument) }
  local id = change[2]
  local h = jobs[id]
  if not h or h[STATE] ~= change[3] or h[ATTEMPT] ~= change[4] then
    return false
  end
  local texts, from = {}, change[#change]
  for i, field in ipairs(fields) do
    if field >= QUEUE then
      local length = change[i + 4]
      texts[field] = string.sub(argument, from, from + length - 1)
      from = from + length
    end
  end
  if (h[UNIQUE] > 0 or texts[UNIQUE]) and not keys_allow(id, h, shape[3], change, texts) then
    return false
  end
  touch(id, h)
  for i, field in ipairs(fields) do
    if field < QUEUE then
      h[field] = change[i + 4]
    else
      put(h, field, texts[field])
    end
  end
  return true
end

if #ARGV >= first then
  local ids = {}
  for i = first, #ARGV do
    ids[#ids + 1] = string.sub(ARGV[i], 2, 17)
  end
  load(ids)
  for i = first, #ARGV do
    if not make(ARGV[i]) then
      refused[#refused + 1] = i - first
    end
  end
  if #touched > 0 then
    flush()
  end
end

