-- A stored job: numbers of fixed width, then the lengths of its texts, then the texts (see packing.py, which has the same list).
local HEAD, SIZE = '<BBBi2I4I4I4ddddddddI4I4I4I4I4I4I4I4I4I4', 121
local LENGTHS = '<I4I4I4I4I4I4I4I4I4'
local NONE, NIL = 0 / 0, '\192'
local QUEUED, WAITING, RUNNING, HELD = 113, 119, 114, 104 -- "q", "w", "r", "h"; "s", "f" and "c" are final
-- Where a job is only passed through, its value is cut and put together again at these places (first byte of each):
--   1 state  6 attempt  14 crashes  50 lease_until  58 started_at  66 finished_at  74 purge_at  82 the ten lengths
