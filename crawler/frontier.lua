-- One pass over one site, changed in one step: Redis runs a script whole, with nothing in between.
--
-- KEYS[1]  the pass, a hash; everything else of it lies under names that begin with this one
-- ARGV[1]  what is asked, a name of the table at the end
-- ARGV[2]  its arguments, JSON
-- returns  JSON; the error NOPASS when the pass is not there (any more)
--
-- The rules are those of crawler/met.py and crawler/branches.py, where their reasons stand; a test holds the two against each other.
-- They stand twice because a script cannot ask Python: from there a page would cost a round trip for each link instead of one.
--
--   PASS                  site, started, begun (or taken up, last), finished (or "erased"), met, branches, pages_asked, images_asked, hits, byte_count,
--                         and how many URLs of each kind are in each state, as "page read"
--   PASS:ids              digest of a URL → its number, in the order met
--   PASS:rows             number → {url, what, host, state, lease, attempts, found_on, branch, fresh, repeats, hits}, without what is empty
--   PASS:mentions         number of a picture → ",12,17,": the pages that show it
--   PASS:pictures         keys under which a picture is new once
--   PASS:branches         number → {shape, host, found_in, cut, barren}
--   PASS:listed           "branch shape" → the branch of what fresh pages of this shape, listed by that one, lead to
--   PASS:leased           number of a URL → {worker, host, what, branch}
--   PASS:workers          who leases
--   PASS:hosts            hosts that something waited for
--   PASS:image:HOST       pictures that wait, by number
--   PASS:page:HOST        pages that wait, whatever becomes of their branch
--   PASS:branch:BRANCH    pages that wait to continue this branch; traps, once it has had its barren pages
--   PASS:heads:HOST       branches, by the first page that waits in each; no traps
--   PASS:later:HOST       what was given back, by when it is due

local pass = KEYS[1]
local asked = cjson.decode(ARGV[2])
local key = function(...) return table.concat({ pass, ... }, ':') end

local function decoded(hash, field)
  local text = redis.call('HGET', hash, field)
  return text and cjson.decode(text) or nil
end

local function row_of(n) return decoded(key('rows'), n) end
local function keep(n, row) redis.call('HSET', key('rows'), n, cjson.encode(row)) end
local function branch_of(b) return decoded(key('branches'), b) end
local function keep_branch(b, branch) redis.call('HSET', key('branches'), b, cjson.encode(branch)) end
local function number_of(id) return redis.call('HGET', key('ids'), id) end
local function field(name) return redis.call('HGET', pass, name) end

local function count(what, state, by)
  if by ~= 0 then redis.call('HINCRBY', pass, what .. ' ' .. (state or 'pending'), by) end
end

local function set_of(list)
  local set = {}
  for _, each in ipairs(list or {}) do set[each] = true end
  return set
end

local function pairs_of(flat)
  local map = {}
  for i = 1, #flat, 2 do map[flat[i]] = flat[i + 1] end
  return map
end

-- ------------------------------------------------------------------------------------------------------------ waiting

local function is_trap(branch) return branch.barren >= asked.barren_pages end

-- A branch's first waiting page is what its host may lease next.
local function lead(b, branch)
  local first = redis.call('ZRANGE', key('branch', b), 0, 0)[1]
  if first and not is_trap(branch) then
    redis.call('ZADD', key('heads', branch.host), first, b)
  else
    redis.call('ZREM', key('heads', branch.host), b)
  end
end

-- What had been leased before its branch became a trap is read all the same.
local function wait(n, row)
  redis.call('SADD', key('hosts'), row.host)
  local branch = row.what == 'page' and not row.fresh and row.branch and branch_of(row.branch)
  if branch and not is_trap(branch) then
    redis.call('ZADD', key('branch', row.branch), n, n)
    lead(row.branch, branch)
  else
    redis.call('ZADD', key(row.what, row.host), n, n)
  end
end

-- nil while it waits or is leased. Traps by their branch have no state of their own: a branch turns in one step.
local function state_of(n, row)
  if row.state or row.lease or row.fresh or not row.branch then return row.state end
  if redis.call('ZSCORE', key('branch', row.branch), n) and is_trap(branch_of(row.branch)) then return 'trap' end
  return nil
end

-- Out of whatever it waits in, or is leased by.
local function take_out(n, row)
  if row.lease then
    redis.call('HDEL', key('leased'), n)
    row.lease = nil
  end
  if row.state then return end
  redis.call('ZREM', key(row.what, row.host), n)
  redis.call('ZREM', key('later', row.host), n)
  if row.branch and redis.call('ZREM', key('branch', row.branch), n) == 1 then
    lead(row.branch, branch_of(row.branch))
  end
end

-- Into another state; nil: it waits, once the caller has said so.
local function move(n, row, what, state)
  count(row.what, state_of(n, row), -1)
  take_out(n, row)
  row.what, row.state = what, state
  count(what, state, 1)
end

local function free(n, row)
  take_out(n, row)
  wait(n, row)
  keep(n, row)
end

local function free_the_dead()
  local alive = {}
  local leased = redis.call('HGETALL', key('leased'))
  for i = 1, #leased, 2 do
    local worker = cjson.decode(leased[i + 1]).worker
    if alive[worker] == nil then alive[worker] = redis.call('EXISTS', asked.workers .. worker) == 1 end
    if not alive[worker] then free(leased[i], row_of(leased[i])) end
  end
end

-- ----------------------------------------------------------------------------------------------------------- branches

local function clear(b)
  for _ = 1, asked.credit do
    local branch = b and branch_of(b)
    if not branch then return end
    if branch.barren > 0 then
      local was_trap = is_trap(branch)
      branch.barren = 0
      keep_branch(b, branch)
      if was_trap then
        local waiting = redis.call('ZCARD', key('branch', b))
        count('page', 'trap', -waiting)
        count('page', nil, waiting)
        lead(b, branch)
      end
    end
    b = branch.found_in
  end
end

local function count_barren(b)
  local branch = branch_of(b)
  local was_trap = is_trap(branch)
  branch.barren = branch.barren + 1
  keep_branch(b, branch)
  if was_trap or not is_trap(branch) then return end
  for _, n in ipairs(redis.call('ZRANGE', key('later', branch.host), 0, -1)) do
    local row = row_of(n)
    if row.branch == b and not row.fresh then
      redis.call('ZREM', key('later', branch.host), n)
      redis.call('ZADD', key('branch', b), n, n)
    end
  end
  local waiting = redis.call('ZCARD', key('branch', b))
  count('page', nil, -waiting)
  count('page', 'trap', waiting)
  lead(b, branch)
end

-- Finds the branch for each page that one page links to.
local function placement(found_in, productive)
  local continued, fresh = {}, {}
  local place = {}

  local function on_the_way(shape)
    local b = found_in
    for _ = 1, asked.way_back do
      local branch = b and branch_of(b)
      if not branch then return nil end
      if branch.shape == shape then return { branch = b, barren = branch.barren } end
      b = not branch.cut and branch.found_in or nil
    end
    return nil
  end

  function place.continued(shape)
    if productive or not found_in then return nil end
    if continued[shape] == nil then continued[shape] = on_the_way(shape) or false end
    return continued[shape] or nil
  end

  function place.of_fresh(shape, host)
    if fresh[shape] then return fresh[shape] end
    local listed = found_in and not productive and found_in .. ' ' .. shape
    local b = listed and redis.call('HGET', key('listed'), listed)
    if not b then
      b = tostring(redis.call('HINCRBY', pass, 'branches', 1))
      keep_branch(b, { shape = shape, host = host, found_in = found_in, cut = productive or nil, barren = 0 })
      if listed then redis.call('HSET', key('listed'), listed, b) end
    end
    fresh[shape] = b
    return b
  end

  return place
end

-- ---------------------------------------------------------------------------------------------------------------- met

local function add(found, page, place)
  if tonumber(field('met')) >= asked.met_at_most then
    count(found.what, 'over_limit', 1)
    return nil
  end
  local n = tostring(redis.call('HINCRBY', pass, 'met', 1))
  redis.call('HSET', key('ids'), found.id, n)
  local row = {
    url = found.url, what = found.what, host = found.host, state = found.state, found_on = page, hits = found.hits,
  }
  if place then row.branch, row.fresh, row.repeats = place.branch, place.fresh, place.repeats end
  if place and place.is_trap then
    redis.call('ZADD', key('branch', row.branch), n, n)
    count(row.what, 'trap', 1)
  else
    count(row.what, row.state, 1)
    if not row.state then wait(n, row) end
  end
  keep(n, row)
  return n
end

local function mentions_of(n) return redis.call('HGET', key('mentions'), n) or ',' end

local function may_be_mentioned(n, page)
  if not page then return false end
  local mentions = mentions_of(n)
  local _, commas = mentions:gsub(',', ',')
  return commas <= asked.mentions and not mentions:find(',' .. page .. ',', 1, true)
end

local function mention(n, page)
  if may_be_mentioned(n, page) then redis.call('HSET', key('mentions'), n, mentions_of(n) .. page .. ',') end
end

-- A link to a page that is shown as a picture after all is asked for as one.
local function becomes_image(found, row, state)
  if row.what ~= 'page' or found.state then return false end
  return (not state and not row.lease) or state == 'trap' or state == 'over_limit'
end

-- Whether the picture is new in this pass, and whether it was left out anew: that is no new one, and no repetition.
local function met_image(found, page)
  local n = number_of(found.id)
  if not n then
    n = add(found, page)
    if not n or (found.state and not found.known) then return false, true end
  else
    local row = row_of(n)
    local state = state_of(n, row)
    if not becomes_image(found, row, state) then
      if not state or state == 'hit' then mention(n, page) end
      return false
    end
    move(n, row, 'image', nil)
    row.branch, row.fresh, row.repeats = nil, nil, nil
    wait(n, row)
    keep(n, row)
  end
  mention(n, page)
  return redis.call('SADD', key('pictures'), found.picture) == 1
end

-- repeats   pages in a row up to this one, of a list that goes on, that named pictures and none anew
local function met_page(found, page, place, repeats)
  local n = number_of(found.id)
  if found.following and not found.state and repeats >= asked.repeating_pages then found.state = 'trap' end
  if found.state then
    if not n then add(found, page) end
    return
  end
  local continued = place.continued(found.shape)
  local function branch() return continued and continued.branch or place.of_fresh(found.shape, found.host) end
  local fresh = found.following or not continued
  local of_list = found.following and repeats or nil
  if not n then
    if fresh then
      add(found, page, { branch = branch(), fresh = true, repeats = of_list })
    else
      add(found, page, { branch = continued.branch, is_trap = continued.barren >= asked.barren_pages })
    end
    return
  end
  local row = row_of(n)
  if row.what ~= 'page' or row.fresh or not fresh then return end
  local state = state_of(n, row)
  if (not state and not row.lease) or state == 'trap' then
    move(n, row, 'page', nil)
    row.branch, row.fresh, row.repeats = branch(), true, of_list
    wait(n, row)
    keep(n, row)
  end
end

-- Of a page without a new picture: it names pictures, and no page but where it goes on that was not met before.
local function repeated(found)
  local names_pictures = false
  for _, each in ipairs(found) do
    if each.what == 'page' and not each.following and not number_of(each.id) then return false end
    names_pictures = names_pictures or each.what == 'image'
  end
  return names_pictures
end

-- page      the number of the page that named them; nil for URLs that no page named
-- uncounted   read before, or not read: it is not known to have brought no new picture
local function store(page, row, found, uncounted)
  local productive, left_out_anew = false, false
  for _, each in ipairs(found) do
    if each.what == 'image' then
      local is_new, is_left_out = met_image(each, page)
      productive, left_out_anew = productive or is_new, left_out_anew or is_left_out
    end
  end
  local b, repeats = row and row.branch, row and row.repeats or 0
  if b and productive then
    clear(b)
  elseif b and not row.fresh and not uncounted then
    count_barren(b)
  end
  if productive or left_out_anew then
    repeats = 0
  elseif row and row.repeats and not uncounted and repeated(found) then
    repeats = repeats + 1
  end
  local place = placement(b, productive)
  for _, each in ipairs(found) do
    if each.what == 'page' then met_page(each, page, place, repeats) end
  end
end

-- The pages that show a picture, in the order they were read.
local function pages_showing(row, n)
  local numbers = {}
  for page in mentions_of(n):gmatch('%d+') do table.insert(numbers, tonumber(page)) end
  table.sort(numbers)
  local first = row.found_on and row_of(row.found_on)
  local pages = { first and first.url or row.url }
  for _, page in ipairs(numbers) do
    local url = row_of(page).url
    if url ~= pages[1] then table.insert(pages, url) end
  end
  return pages
end

-- Hits among a page's pictures that were not told of this page. Nothing is written by asking.
local function untold_hits(page, found, told)
  local untold, seen = {}, {}
  for _, each in ipairs(found) do
    if each.what == 'image' and not seen[each.id] then
      seen[each.id] = true
      local n = number_of(each.id)
      local row = n and row_of(n)
      local hits = not n and each.known and each.hits or {}
      if row and row.hits and may_be_mentioned(n, page) then
        local state = state_of(n, row)
        if not becomes_image(each, row, state) and (not state or state == 'hit') then hits = row.hits end
      end
      for _, hit in ipairs(hits) do
        if not told[hit] then table.insert(untold, hit) end
      end
    end
  end
  return untold
end

-- ------------------------------------------------------------------------------------------------------------- asked

local ask = {}

-- site, id, started, found → id, started, resumed. KEYS[2] is the site's, KEYS[3] its passes whose keys are to be deleted.
function ask.begin()
  local id = redis.call('HGET', KEYS[2], 'pass')
  local resumed = false
  if id then
    pass = asked.passes .. id
    resumed = redis.call('EXISTS', pass) == 1 and not field('finished')
    if not resumed then redis.call('SADD', KEYS[3], id) end
  end
  if not resumed then
    id = asked.id
    pass = asked.passes .. id
    redis.call('HSET', KEYS[2], 'pass', id)
    redis.call('HSET', pass, 'site', asked.site, 'started', asked.started, 'met', 0, 'branches', 0)
  end
  redis.call('HSET', pass, 'begun', asked.started)
  free_the_dead()
  store(nil, nil, asked.found)
  return { id = id, started = field('started'), resumed = resumed }
end

local function somebody_is_at_work()
  for _, lease in ipairs(redis.call('HVALS', key('leased'))) do
    if redis.call('EXISTS', asked.workers .. cjson.decode(lease).worker) == 1 then return true end
  end
  return false
end

-- passes, begun_before → how many URLs. KEYS[2] and KEYS[3] are as for begin, KEYS[4] and KEYS[5] the site's pauses and robots.txts.
function ask.erase()
  local id = redis.call('HGET', KEYS[2], 'pass')
  pass = asked.passes .. (id or '')
  local met = field('met')
  if met then
    local begun = field('begun') or field('started')
    if asked.begun_before and (begun >= asked.begun_before or somebody_is_at_work()) then return 0 end
    redis.call('HSETNX', pass, 'finished', 'erased')
  end
  if id then redis.call('SADD', KEYS[3], id) end
  redis.call('DEL', KEYS[2], KEYS[4], KEYS[5])
  return tonumber(met or 0)
end

function ask.push()
  store(nil, nil, asked.found)
  return true
end

-- The next page of a host: one that goes whatever becomes of its branch, or the first that continues a branch of which not enough
-- pages are under way to make it a trap.
local function next_page(host, under_way)
  local best = redis.call('ZRANGE', key('page', host), 0, 0)[1]
  local heads = redis.call('ZRANGE', key('heads', host), 0, under_way.total, 'WITHSCORES')
  for i = 1, #heads, 2 do
    if best and tonumber(best) < tonumber(heads[i + 1]) then return best end
    local b = heads[i]
    local busy = under_way.branches[b] or 0
    if busy == 0 or branch_of(b).barren + busy < asked.barren_pages then return heads[i + 1] end
  end
  return best
end

-- How much of a host one worker may have: who has just ended something would else be first each time, and the others look on.
local function share()
  local takes_more = asked.at_most.image > 0 or asked.at_most.page > 0
  redis.call(takes_more and 'SADD' or 'SREM', key('workers'), asked.worker)
  local count = 0
  for _, worker in ipairs(redis.call('SMEMBERS', key('workers'))) do
    if redis.call('EXISTS', asked.workers .. worker) == 1 then
      count = count + 1
    else
      redis.call('SREM', key('workers'), worker)
    end
  end
  return math.ceil(asked.per_host / math.max(count, 1))
end

-- worker, ttl_ms, per_host, under_way, at_most, of_pass, now → URLs
function ask.lease()
  redis.call('SET', asked.workers .. asked.worker, 1, 'PX', asked.ttl_ms)
  free_the_dead()
  local most = share()
  local own, others, kinds = {}, {}, { image = 0, page = 0 }
  local under_way = { branches = {}, total = 0 }

  local function note(lease)
    local side = lease.worker == asked.worker and own or others
    side[lease.host] = (side[lease.host] or 0) + 1
    kinds[lease.what] = kinds[lease.what] + 1
    if lease.branch then
      under_way.branches[lease.branch] = (under_way.branches[lease.branch] or 0) + 1
      under_way.total = under_way.total + 1
    end
  end

  for _, lease in ipairs(redis.call('HVALS', key('leased'))) do note(cjson.decode(lease)) end
  local left = {}
  for what, most in pairs(asked.at_most) do
    local of_pass = asked.of_pass[what] and asked.of_pass[what] - tonumber(field(what .. 's_asked') or 0) - kinds[what]
    left[what] = math.min(most, of_pass or most)
  end
  local paused = pairs_of(redis.call('HGETALL', asked.pauses .. field('site')))
  local hosts = redis.call('SMEMBERS', key('hosts'))
  table.sort(hosts)
  local answer = {}
  for _, host in ipairs(hosts) do
    for _, n in ipairs(redis.call('ZRANGEBYSCORE', key('later', host), '-inf', asked.now)) do
      redis.call('ZREM', key('later', host), n)
      wait(n, row_of(n))
    end
    local busy = math.max(own[host] or 0, asked.under_way[host] or 0)
    local room = math.min(most, asked.per_host - (others[host] or 0)) - busy
    if tonumber(paused[host] or 0) > asked.now then room = 0 end
    for _, what in ipairs({ 'image', 'page' }) do
      while room > 0 and left[what] > 0 do
        local n = what == 'image' and redis.call('ZRANGE', key('image', host), 0, 0)[1] or nil
        if what == 'page' then n = next_page(host, under_way) end
        if not n then break end
        local row = row_of(n)
        take_out(n, row)
        row.lease = asked.worker
        keep(n, row)
        local branch = what == 'page' and not row.fresh and row.branch or nil
        local lease = { worker = asked.worker, host = host, what = what, branch = branch }
        redis.call('HSET', key('leased'), n, cjson.encode(lease))
        note(lease)
        room, left[what] = room - 1, left[what] - 1
        local first = row.found_on and row_of(row.found_on)
        table.insert(answer, {
          url = row.url, what = what, host = host, attempts = row.attempts or 0, found_on = first and first.url or row.url,
        })
      end
    end
  end
  return answer
end

-- id, workers_here, due, counted. Nothing when another has it by now: a worker that was away for too long has no say.
function ask.give_back()
  local n = number_of(asked.id)
  local row = n and row_of(n)
  if not row or not row.lease or not set_of(asked.workers_here)[row.lease] then return false end
  if asked.counted then row.attempts = (row.attempts or 0) + 1 end
  if asked.due > 0 then
    take_out(n, row)
    redis.call('SADD', key('hosts'), row.host)
    redis.call('ZADD', key('later', row.host), asked.due, n)
    keep(n, row)
  else
    free(n, row)
  end
  return true
end

function ask.release()
  redis.call('SREM', key('workers'), asked.worker)
  local leased = redis.call('HGETALL', key('leased'))
  for i = 1, #leased, 2 do
    if cjson.decode(leased[i + 1]).worker == asked.worker then free(leased[i], row_of(leased[i])) end
  end
  return true
end

-- workers_here → when something may be leased next (seconds, as text), or -1. What others have leased may bring more at any moment.
function ask.next_due()
  local here = set_of(asked.workers_here)
  for _, lease in ipairs(redis.call('HVALS', key('leased'))) do
    if not here[cjson.decode(lease).worker] then return '0' end
  end
  local paused = pairs_of(redis.call('HGETALL', asked.pauses .. field('site')))
  local soonest
  for _, host in ipairs(redis.call('SMEMBERS', key('hosts'))) do
    local due
    if redis.call('EXISTS', key('image', host), key('page', host), key('heads', host)) > 0 then
      due = 0
    else
      due = redis.call('ZRANGE', key('later', host), 0, 0, 'WITHSCORES')[2]
    end
    if due then
      due = math.max(tonumber(due), tonumber(paused[host] or 0))
      soonest = soonest and math.min(soonest, due) or due
    end
  end
  return string.format('%.17g', soonest or -1)
end

-- state, what, host, at_once → how many; as many as at_once: call again
function ask.end_waiting()
  local ended = 0

  local function end_all(name, start)
    if ended >= asked.at_once then return end
    for _, n in ipairs(redis.call('ZRANGE', name, 0, asked.at_once - ended - 1)) do
      local row = row_of(n)
      move(n, row, row.what, asked.state)
      keep(n, row)
      ended = ended + 1
    end
  end

  local function end_later(host)
    for _, n in ipairs(redis.call('ZRANGE', key('later', host), 0, -1)) do
      local row = row_of(n)
      if ended < asked.at_once and (not asked.what or row.what == asked.what) then
        move(n, row, row.what, asked.state)
        keep(n, row)
        ended = ended + 1
      end
    end
  end

  for _, host in ipairs(asked.host and { asked.host } or redis.call('SMEMBERS', key('hosts'))) do
    end_later(host)
    if asked.what ~= 'page' then end_all(key('image', host)) end
    if asked.what ~= 'image' then
      end_all(key('page', host))
      for _, b in ipairs(redis.call('ZRANGE', key('heads', host), 0, -1)) do end_all(key('branch', b)) end
    end
  end
  return ended
end

function ask.pages_showing()
  local n = number_of(asked.id)
  return n and pages_showing(row_of(n), n) or {}
end

-- id, state, what, byte_count, hits, new_hits, found, told, was_asked → what has to be told first
function ask.finish()
  local n = number_of(asked.id)
  local row = n and row_of(n)
  if not row then return {} end
  local told, untold = set_of(asked.told), {}
  if #asked.hits > 0 then
    for _, page in ipairs(pages_showing(row, n)) do
      if not told[page] then table.insert(untold, page) end
    end
  end
  local names = asked.state == 'read' or #asked.found > 0
  if names then
    for _, hit in ipairs(untold_hits(n, asked.found, told)) do table.insert(untold, hit) end
  end
  if #untold > 0 then return untold end

  -- It may have ended before, by another who was handed it while this worker was away. Then a hit stays one.
  local before = row.state
  if not before then move(n, row, row.what, nil) end
  if names then store(n, row, asked.found, before == 'read' or asked.state ~= 'read') end
  row = row_of(n) -- as it is now: a page may name itself as a picture
  if before ~= 'hit' or #asked.hits > 0 then move(n, row, asked.what, asked.state) end
  local known = set_of(row.hits)
  for _, hit in ipairs(asked.hits) do
    row.hits = row.hits or {}
    if not known[hit] then table.insert(row.hits, hit) end
  end
  keep(n, row)
  if asked.was_asked then redis.call('HINCRBY', pass, asked.what .. 's_asked', 1) end
  redis.call('HINCRBY', pass, 'byte_count', asked.byte_count)
  redis.call('HINCRBY', pass, 'hits', asked.new_hits)
  return {}
end

function ask.close()
  redis.call('HSETNX', pass, 'finished', asked.finished)
  return field('finished') ~= 'erased'
end

-- What is asked of a pass that another has finished or erased meanwhile: nothing is left of it.
local after_the_end = {
  push = true, lease = {}, give_back = false, release = true, next_due = '-1', end_waiting = 0, pages_showing = {}, finish = {},
}

if ARGV[1] ~= 'begin' and ARGV[1] ~= 'erase' then
  if redis.call('EXISTS', pass) == 0 then return redis.error_reply('NOPASS it is not there') end
  if field('finished') and after_the_end[ARGV[1]] ~= nil then return cjson.encode(after_the_end[ARGV[1]]) end
end
return cjson.encode(ask[ARGV[1]]())
