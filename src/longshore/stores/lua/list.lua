--@ begin now
-- ARGV: time, kind. Gives key and text of each document that is not over.
local found, answer = call('HGETALL', P .. 'doc:' .. ARGV[2]), {}
for i = 1, #found, 2 do
  local till, from = struct.unpack('<d', found[i + 1])
  if till ~= till or till > now then
    answer[#answer + 1] = found[i]
    answer[#answer + 1] = string.sub(found[i + 1], from)
  end
end
return answer
