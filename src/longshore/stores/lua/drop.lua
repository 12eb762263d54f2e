--@ begin now
-- ARGV: time, kind, key. Gives 1 where there was such a document.
local key = P .. 'doc:' .. ARGV[2]
local found = call('HGET', key, ARGV[3])
if not found then
  return 0
end
call('HDEL', key, ARGV[3])
call('ZREM', P .. 'expiring', struct.pack('<I4', #ARGV[2]) .. ARGV[2] .. ARGV[3])
local till = struct.unpack('<d', found)
return (till ~= till or till > now) and 1 or 0
