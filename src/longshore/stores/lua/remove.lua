-- Take these jobs out where `may(job)` says so; the ids of those that were.
local function remove(ids, may)
  local gone = {}
  load(ids)
  for _, id in ipairs(ids) do
    local h = jobs[id]
    if h and may(h) then
      leave(id, standing(h))
      jobs[id] = nil
      removed[#removed + 1] = id
      gone[#gone + 1] = id
    end
  end
  if #gone > 0 then
    flush()
  end
  return gone
end
