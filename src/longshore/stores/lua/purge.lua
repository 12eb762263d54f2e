--@ begin now head jobs write remove
-- ARGV: time, how many at most. Gives how many jobs were removed.
local ids = call('ZRANGEBYSCORE', P .. 'purge', '-inf', exact(now), 'LIMIT', 0, tonumber(ARGV[2]))
local gone = remove(ids, function(h)
  return true
end)
return #gone
