-- A stored job: numbers of fixed width, then the lengths of its texts, then the texts (see packing.py, which has the same list).
local HEAD, SIZE = '<BBBi2I4I4I4ddddddddI4I4I4I4I4I4I4I4I4I4', 121
local NONE, NIL = 0 / 0, '\192'
local QUEUED, WAITING, RUNNING, HELD = 113, 119, 114, 104 -- "q", "w", "r", "h"; "s", "f" and "c" are final
