--@ begin now
-- ARGV: time, kind, key, seconds to live (empty: for ever), text. Others that are over by now go, some at a time.
local function place(kind, key)
  return struct.pack('<I4', #kind) .. kind .. key
end

call('ZREM', P .. 'expiring', '')
local over = call('ZRANGEBYSCORE', P .. 'expiring', '-inf', exact(now), 'LIMIT', 0, 50)
for _, found in ipairs(over) do
  local length = struct.unpack('<I4', found)
  call('HDEL', P .. 'doc:' .. string.sub(found, 5, 4 + length), string.sub(found, 5 + length))
  call('ZREM', P .. 'expiring', found)
end
local kind, key, till = ARGV[2], ARGV[3], 0 / 0
if ARGV[4] == '' then
  call('ZREM', P .. 'expiring', place(kind, key))
else
  till = now + tonumber(ARGV[4])
  call('ZADD', P .. 'expiring', till, place(kind, key))
end
call('HSET', P .. 'doc:' .. kind, key, struct.pack('<d', till) .. ARGV[5])
