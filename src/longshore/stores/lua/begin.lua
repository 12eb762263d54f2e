-- What every script begins with. KEYS[1] is PREFIX.."jobs"; all other names of the namespace are made from it and share
-- its hash tag. A call that fails half-way is not undone, so a script reads and decides first, and only then writes.
local call = redis.call
local P = string.sub(KEYS[1], 1, -5)
