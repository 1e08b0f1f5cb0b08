-- One bid on an auction: the rules of `../postgres/schema.sql`, with the same verdicts, on a hash, and the bid appended to a list.
-- KEYS: the auction's hash, the list of its bids. ARGV: bidder, amount. Numbers are exact up to 2^53, as Gavel's amounts are.
local a = redis.call('HMGET', KEYS[1], 'ends', 'seller', 'opening', 'step', 'price', 'max', 'leader')
if not a[1] then
  return {-3, 0, 0}
end
local bidder, amount = ARGV[1], tonumber(ARGV[2])
if tonumber(redis.call('TIME')[1]) >= tonumber(a[1]) then
  return {-2, 0, 0}
end
if a[2] == bidder then
  return {-4, 0, 0}
end
local price, max, leader = tonumber(a[5]), tonumber(a[6]), a[7]
local opening, step = tonumber(a[3]), tonumber(a[4])
local enough
if not price then
  enough = opening
elseif leader == bidder then
  enough = max + 1
else
  enough = price + step
end
if amount < enough then
  return {-1, price or 0, enough}
end
if not price then
  price, max, leader = opening, amount, bidder
elseif leader == bidder then
  max = amount
elseif amount > max then
  price = math.max(math.min(max + step, amount), price)
  max, leader = amount, bidder
else
  price = math.max(math.min(amount + step, max), price)
end
local leads = leader == bidder and 1 or 0
redis.call('HSET', KEYS[1], 'price', price, 'max', max, 'leader', leader)
redis.call('RPUSH', KEYS[2], bidder .. ' ' .. ARGV[2] .. ' ' .. string.format('%.0f', price) .. ' ' .. leads)
return {leads, price, 0}
