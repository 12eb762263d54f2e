-- The time: ARGV[1] by the caller's clock; empty: this server's.
local now = tonumber(ARGV[1])
if not now then
  local t = call('TIME')
  now = tonumber(t[1]) + tonumber(t[2]) / 1000000
end

-- Lua's own conversion of numbers to text loses digits.
local function exact(number)
  return string.format('%.17g', number)
end

-- A command with any number of arguments: Lua's stack holds about 8000 of them.
local function many(command, key, list, width)
  local size = 1000 * width
  for from = 1, #list, size do
    call(command, key, unpack(list, from, math.min(from + size - 1, #list)))
  end
end
