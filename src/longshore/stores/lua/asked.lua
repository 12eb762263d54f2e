-- ARGV: time, claim limit (0: none), lease seconds, worker (as stored), number of queues (-1: all), their names, then the
-- changes, from `at` on.
local limit, lease, worker, asked, at = tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4], tonumber(ARGV[5]), 6
local wanted = false
if asked >= 0 then
  wanted = {}
  for i = at, at + asked - 1 do
    wanted[ARGV[i]] = true
  end
  at = at + asked
end
