-- What a connection of the flusher is set to, once.

SET search_path = gavel;
-- Every statement goes from a small staging table into a large one by its key. The planner knows nothing of the staging tables, and
-- must not read a large table whole because of that.
SET enable_hashjoin = off;
SET enable_mergejoin = off;
-- A flusher that has stopped in the middle of a transaction must not hold the cursor for ever.
SET idle_in_transaction_session_timeout = '60s';
SET lock_timeout = '60s';
SET client_min_messages = warning;
-- Times inside of JSON are written in UTC.
SET TimeZone = 'UTC';

CREATE TEMPORARY TABLE IF NOT EXISTS staged_withdrawals (
    auction bigint, seq bigint, bidder text, bid_id uuid
) ON COMMIT DELETE ROWS;

CREATE TEMPORARY TABLE IF NOT EXISTS staged_openings (
    auction bigint, seq bigint, epoch bigint, lsn bigint, at timestamptz, state text, starts_at timestamptz, ends_at timestamptz,
    opening_price bigint, reserve_price bigint, payment_window_s bigint, offer_window_s bigint, open_id uuid, proxy boolean,
    seller text, currency text, terms jsonb
) ON COMMIT DELETE ROWS;

CREATE TEMPORARY TABLE IF NOT EXISTS staged_changes (
    auction bigint, before bigint, seq bigint, epoch bigint, lsn bigint, at timestamptz, state text,
    sets_price boolean, price bigint, sets_leader boolean, leader text, sets_reserve boolean, reserve_price bigint,
    ends_at timestamptz, sets_deadline boolean, deadline timestamptz, outcome text, ended_at timestamptz, final_at timestamptz,
    details jsonb, details_added jsonb, tried_leader boolean, tried text[], bids bigint, bidders bigint, award boolean
) ON COMMIT DELETE ROWS;
