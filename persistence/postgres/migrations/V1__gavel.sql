-- Gavel's relational copy. SCHEMA.md beside this folder documents every column.
--
-- The names are looked up in schema `gavel`, which is made before this runs.

-- Ids -----------------------------------------------------------------------------------------------------------------
--
-- An auction's id is 64 bits: day of opening (16) | shard (8) | sequence (40). It is kept as a bigint, so that ranges of it are
-- days, which the partitions below are cut by; its text form is what people and other services write.

CREATE FUNCTION auction_day(auction bigint) RETURNS date
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN date '1970-01-01' + ((auction >> 48) & 65535)::integer;

CREATE FUNCTION auction_shard(auction bigint) RETURNS smallint
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN ((auction >> 40) & 255)::smallint;

-- 20261122-003-00000042 and 20261122-{003}-00000042 are the same id. Anything else is an error.
CREATE FUNCTION auction_id(id text) RETURNS bigint
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    parts text[] := regexp_match(id, '^(\d{4})(\d{2})(\d{2})-(?:(\d{3})|\{(\d{3})\})-(\d{8})$');
    shard bigint := coalesce(parts[4], parts[5])::bigint;
BEGIN
    IF parts IS NULL OR shard > 255 OR parts[6]::bigint = 0 THEN
        RAISE EXCEPTION '"%" is no auction id', id
            USING ERRCODE = 'invalid_text_representation', HINT = 'An auction id looks like 20261122-003-00000042.';
    END IF;
    -- All of these operators bind alike, from the left.
    RETURN ((make_date(parts[1]::integer, parts[2]::integer, parts[3]::integer) - date '1970-01-01')::bigint << 48)
        | (shard << 40) | parts[6]::bigint;
END $$;

CREATE FUNCTION auction_text(auction bigint) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN to_char(date '1970-01-01' + ((auction >> 48) & 65535)::integer, 'YYYYMMDD')
        || '-' || lpad(((auction >> 40) & 255)::text, 3, '0')
        || '-' || lpad((auction & 1099511627775)::text, 8, '0');

-- The first id of a day; for ranges: auction >= first_auction('2026-11-22') AND auction < first_auction('2026-11-23').
CREATE FUNCTION first_auction(day date) RETURNS bigint
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (day - date '1970-01-01')::bigint << 48;

-- Auctions: one row each, for ever --------------------------------------------------------------------------------------

CREATE TABLE auctions (
    auction          bigint NOT NULL,
    -- The record that the row is as of.
    seq              bigint NOT NULL,
    epoch            bigint NOT NULL,
    lsn              bigint NOT NULL,
    at               timestamptz NOT NULL,
    -- Its present state.
    price            bigint,
    bid_count        bigint NOT NULL,
    bidder_count     bigint NOT NULL,
    ends_at          timestamptz NOT NULL,
    deadline         timestamptz,
    ended_at         timestamptz,
    final_at         timestamptz,
    reserve_price    bigint,
    leader           text COLLATE "C",
    state            text COLLATE "C" NOT NULL
        CHECK (state IN ('scheduled', 'open', 'awarded', 'offered', 'closed', 'unsold', 'cancelled')),
    outcome          text COLLATE "C"
        CHECK (outcome IN ('awarded', 'offered', 'no_bids', 'reserve_not_met', 'unpaid', 'cancelled')),
    tried            text[] COLLATE "C" NOT NULL DEFAULT '{}',
    winning_bid      jsonb,
    runner_up_bid    jsonb,
    -- Its terms.
    shard            smallint NOT NULL,
    opened_at        timestamptz NOT NULL,
    starts_at        timestamptz NOT NULL,
    first_ends_at    timestamptz NOT NULL,
    opening_price    bigint NOT NULL,
    first_reserve_price bigint,
    payment_window_s bigint NOT NULL,
    offer_window_s   bigint NOT NULL,
    open_id          uuid,
    proxy            boolean NOT NULL,
    seller           text COLLATE "C" NOT NULL,
    currency         text COLLATE "C" NOT NULL,
    placement_key    text,
    buy_now          jsonb,
    increments       jsonb NOT NULL,
    soft_close       jsonb,
    retraction       jsonb NOT NULL,
    details          jsonb NOT NULL,
    details_added    jsonb NOT NULL DEFAULT '[]',
    PRIMARY KEY (auction)
-- A bid changes no indexed column: with room left in each page, that touches no index.
) WITH (fillfactor = 70);

CREATE INDEX auctions_seller ON auctions (seller, auction);
CREATE INDEX auctions_state_end ON auctions (state, ends_at);
CREATE INDEX auctions_end ON auctions (ends_at);
-- What keeps partitions: few at any time.
CREATE INDEX auctions_unfinished ON auctions (auction) WHERE final_at IS NULL;

-- Bids, maxima, events: in partitions by their auction's opening day ----------------------------------------------------

CREATE TABLE bids (
    auction       bigint NOT NULL,
    seq           bigint NOT NULL,
    epoch         bigint NOT NULL,
    lsn           bigint NOT NULL,
    at            timestamptz NOT NULL,
    received      timestamptz NOT NULL,
    decided       timestamptz NOT NULL,
    price         bigint NOT NULL,
    bid_id        uuid NOT NULL,
    withdrawn_seq bigint,
    extended_to   timestamptz,
    bidder        text COLLATE "C" NOT NULL,
    status        text COLLATE "C" NOT NULL CHECK (status IN ('leading', 'outbid', 'sold')),
    PRIMARY KEY (auction, seq)
) PARTITION BY RANGE (auction);

CREATE INDEX bids_bidder ON bids (bidder, auction);

CREATE TABLE maxima (
    auction bigint NOT NULL,
    seq     bigint NOT NULL,
    amount  bigint NOT NULL,
    PRIMARY KEY (auction, seq)
) PARTITION BY RANGE (auction);

CREATE TABLE events (
    auction  bigint NOT NULL,
    seq      bigint NOT NULL,
    epoch    bigint NOT NULL,
    lsn      bigint NOT NULL,
    at       timestamptz NOT NULL,
    received timestamptz NOT NULL,
    decided  timestamptz NOT NULL,
    origin   text COLLATE "C" NOT NULL CHECK (origin IN ('client', 'engine')),
    type     text COLLATE "C" NOT NULL,
    data     jsonb NOT NULL,
    PRIMARY KEY (auction, seq)
) PARTITION BY RANGE (auction);

CREATE INDEX events_at ON events (at);

-- What happens to a whole shard belongs to no auction, and to no partition.
CREATE TABLE shard_events (
    shard smallint NOT NULL,
    lsn   bigint NOT NULL,
    epoch bigint NOT NULL,
    at    timestamptz NOT NULL,
    type  text COLLATE "C" NOT NULL,
    data  jsonb NOT NULL,
    PRIMARY KEY (shard, lsn)
);

-- The days that have partitions, and had.
CREATE TABLE days (
    day        date NOT NULL PRIMARY KEY,
    created_at timestamptz NOT NULL DEFAULT now(),
    dropped_at timestamptz
);

-- Makes a day's partitions where they are missing. True when it made them. They are attached, not created in place: that leaves the
-- tables readable and writable meanwhile. It runs with the rights of whoever migrated, so that the flusher's role needs none to make tables.
CREATE FUNCTION ensure_day(wanted date) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    part text;
    made boolean := false;
    low text := first_auction(wanted)::text;
    -- The day after 2059-09-18 is no larger number, as a bigint has a sign.
    high text := CASE WHEN wanted = date '2059-09-18' THEN 'MAXVALUE' ELSE first_auction(wanted + 1)::text END;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('gavel.days', 0));
    FOREACH part IN ARRAY ARRAY['bids', 'maxima', 'events'] LOOP
        CONTINUE WHEN to_regclass(format('%I', part || to_char(wanted, '_YYYYMMDD'))) IS NOT NULL;
        EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)',
            part || to_char(wanted, '_YYYYMMDD'), part);
        EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)',
            part, part || to_char(wanted, '_YYYYMMDD'), low, high);
        made := true;
    END LOOP;
    INSERT INTO days (day) VALUES (wanted)
        ON CONFLICT (day) DO UPDATE SET created_at = now(), dropped_at = NULL WHERE made;
    RETURN made;
END $$;

-- Where the flusher is --------------------------------------------------------------------------------------------------

-- The database's own name, by which the other side knows it. One row.
CREATE TABLE database (
    is_one     boolean NOT NULL PRIMARY KEY DEFAULT true CHECK (is_one),
    id         uuid NOT NULL DEFAULT gen_random_uuid(),
    created_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO database DEFAULT VALUES;

-- A shard that has a row here is written to this database. The row is moved in the transaction that writes the rows up to it.
CREATE TABLE cursors (
    shard       smallint NOT NULL PRIMARY KEY CHECK (shard BETWEEN 0 AND 255),
    epoch       bigint NOT NULL,
    lsn         bigint NOT NULL,
    at          timestamptz,
    assigned_at timestamptz NOT NULL DEFAULT now(),
    moved_at    timestamptz NOT NULL DEFAULT now(),
    -- Set when the shard was given to another database on purpose: nothing more is written here.
    released_at timestamptz
) WITH (fillfactor = 10);

-- Records that could not be taken in, and those of the same auction behind them.
CREATE TABLE parked (
    shard     smallint NOT NULL,
    lsn       bigint NOT NULL,
    epoch     bigint NOT NULL,
    auction   bigint,
    seq       bigint,
    at        timestamptz NOT NULL,
    parked_at timestamptz NOT NULL DEFAULT now(),
    sqlstate  text COLLATE "C",
    reason    text NOT NULL,
    record    bytea NOT NULL,
    PRIMARY KEY (shard, lsn)
);

CREATE INDEX parked_auction ON parked (auction, seq);
