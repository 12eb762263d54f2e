--@ begin now head jobs write
-- Any jobs; `add.lua` is for most of them.
-- ARGV: time, then each job: its id (16 bytes) and its value.
-- Gives the jobs that stand in the way: position, id and value, and so on.
local ids, answer = {}, { exact(now) }
for i = 2, #ARGV do
  ids[i - 1] = string.sub(ARGV[i], 1, 16)
end
load(ids)

local function replace(id, h, new)
  touch(id, h)
  h[RUN_AT], h[PRIORITY], h[EXPIRES], h[KEEP] = new[RUN_AT], new[PRIORITY], new[EXPIRES], new[KEEP]
  put(h, QUEUE, text(new, QUEUE))
  put(h, ARGS, text(new, ARGS))
  put(h, HEADERS, text(new, HEADERS))
end

local function stands(i, id, h)
  local n = #answer
  answer[n + 1], answer[n + 2] = i - 1, id .. value(h)
end

for i = 1, #ids do
  local id = ids[i]
  if jobs[id] then
    stands(i, id, jobs[id])
  else
    local h = parse(string.sub(ARGV[i + 1], 17))
    local key = h[UNIQUE] > 0 and HOLDING[h[STATE]] and text(h, UNIQUE)
    local by = key and holder(key)
    if by then
      load({ by })
      local other = jobs[by]
      if h[3] == 3 and (other[STATE] == QUEUED or other[STATE] == WAITING) then
        replace(by, other, h)
      end
      stands(i, by, other)
    else
      create(id, h)
      if key then
        hold(key, id)
      end
    end
  end
end
if #touched > 0 then
  flush(true)
end
return answer
