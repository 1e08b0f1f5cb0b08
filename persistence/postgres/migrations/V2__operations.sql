-- Retention, filling an empty database, delivering again: what was done, and how far it is.

-- Retention -----------------------------------------------------------------------------------------------------------

-- Where a dropped day's rows were copied to, and how many there were.
ALTER TABLE days ADD COLUMN dropped_rows bigint, ADD COLUMN exported_to text;

-- A day is dropped once all of its auctions are final, so nothing is written to them any more. Should an auction of that day come later
-- (from a shard that is being caught up), the day's partitions are made again, and hold it alone. This tells the two apart: rows of bids,
-- maxima and events of a day and shard are gone for the auctions whose row is as of `lsn` or earlier.
CREATE TABLE dropped (
    day        date NOT NULL,
    shard      smallint NOT NULL,
    lsn        bigint NOT NULL,
    dropped_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (day, shard)
);

-- True when the rows of an auction, whose row is as of this record, went with its day.
CREATE FUNCTION is_dropped(auction bigint, as_of bigint) RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE SET search_path FROM CURRENT
    RETURN EXISTS (
        SELECT FROM dropped
        WHERE dropped.day = auction_day($1) AND dropped.shard = auction_shard($1) AND dropped.lsn >= $2);

-- Keeps writers away from a day until the end of the transaction. Readers go on.
CREATE FUNCTION lock_day(wanted date) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    part text;
BEGIN
    FOREACH part IN ARRAY ARRAY['bids', 'maxima', 'events'] LOOP
        EXECUTE format('LOCK TABLE %I IN SHARE MODE', part || to_char(wanted, '_YYYYMMDD'));
    END LOOP;
END $$;

-- Drops a day's partitions, and remembers what went. Never one that has an auction which is not final.
CREATE FUNCTION drop_day(wanted date, had_rows bigint, copied_to text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    part text;
BEGIN
    -- First, as whoever makes a day's partitions takes it first, too.
    PERFORM pg_advisory_xact_lock(hashtextextended('gavel.days', 0));
    IF EXISTS (
        SELECT FROM auctions WHERE final_at IS NULL
            AND auction >= first_auction(wanted) AND auction <= first_auction(wanted) + 281474976710655)
    THEN
        RAISE EXCEPTION 'an auction of % is not final', wanted USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    FOREACH part IN ARRAY ARRAY['bids', 'maxima', 'events'] LOOP
        EXECUTE format('ALTER TABLE %I DETACH PARTITION %I', part, part || to_char(wanted, '_YYYYMMDD'));
        EXECUTE format('DROP TABLE %I', part || to_char(wanted, '_YYYYMMDD'));
    END LOOP;
    UPDATE days SET dropped_at = now(), dropped_rows = had_rows, exported_to = copied_to WHERE day = wanted;
    INSERT INTO dropped (day, shard, lsn) SELECT wanted, shard, lsn FROM cursors
        ON CONFLICT (day, shard) DO UPDATE SET lsn = excluded.lsn, dropped_at = excluded.dropped_at;
END $$;

-- Whoever may run them can make rows go away.
REVOKE EXECUTE ON FUNCTION lock_day(date), drop_day(date, bigint, text) FROM PUBLIC;

-- Filling an empty database from archive and log ------------------------------------------------------------------------

-- One row from the moment that it is begun. While it is not finished, it may be gone on with.
CREATE TABLE rebuild (
    is_one      boolean NOT NULL PRIMARY KEY DEFAULT true CHECK (is_one),
    started_at  timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz
);

-- Delivering again ------------------------------------------------------------------------------------------------------

-- Every run of `gavel republish` that wrote something or wanted to.
CREATE TABLE republish_runs (
    id         uuid NOT NULL PRIMARY KEY,
    started_at timestamptz NOT NULL DEFAULT now(),
    -- The latest sign of life, and the end.
    moved_at   timestamptz NOT NULL DEFAULT now(),
    ended_at   timestamptz,
    state      text COLLATE "C" NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'stopped', 'finished')),
    -- What was to be delivered, as the command line said it.
    selection  jsonb NOT NULL
);

-- How far a run is in each shard, moved in the transaction that writes the rows.
CREATE TABLE republish_shards (
    run     uuid NOT NULL REFERENCES republish_runs ON DELETE CASCADE,
    shard   smallint NOT NULL,
    -- The last record that was looked at.
    lsn     bigint NOT NULL,
    -- Records that were selected, and rows that were written as they were missing or differed.
    records bigint NOT NULL,
    written bigint NOT NULL,
    PRIMARY KEY (run, shard)
);
