--@ begin now head jobs write
-- ARGV: time, lease seconds, then each lease: id (16 bytes) and attempt.
-- Gives for each: -1 lost, 0 held, 1 held and asked to stop.
local till, ids, answer = now + tonumber(ARGV[2]), {}, {}
for i = 3, #ARGV do
  ids[#ids + 1] = string.sub(ARGV[i], 1, 16)
end
load(ids)
for i, id in ipairs(ids) do
  local h = jobs[id]
  if h and h[STATE] == RUNNING and h[ATTEMPT] == struct.unpack('<I4', ARGV[i + 2], 17) then
    touch(id, h)
    h[LEASE] = till
    answer[i] = h[CANCEL]
  else
    answer[i] = -1
  end
end
if #touched > 0 then
  flush()
end
return answer
