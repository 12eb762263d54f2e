--@ begin now
-- ARGV: time, kind, name, seconds, text. Gives 1 where the document is this text from now on, 0 where it is another's yet.
local key, kind, name, text = P .. 'doc:' .. ARGV[2], ARGV[2], ARGV[3], ARGV[5]
local found = call('HGET', key, name)
if found and struct.unpack('<d', found) > now and string.sub(found, 9) ~= text then
  return 0
end
local till = now + tonumber(ARGV[4])
call('ZADD', P .. 'expiring', till, struct.pack('<I4', #kind) .. kind .. name)
call('HSET', key, name, struct.pack('<d', till) .. text)
return 1
