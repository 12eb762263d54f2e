--@ begin now head jobs write remove
-- ARGV: time, then ids. Gives those of the jobs that were removed.
local ids = {}
for i = 2, #ARGV do
  ids[i - 1] = ARGV[i]
end
return remove(ids, function(h)
  return not HOLDING[h[STATE]]
end)
