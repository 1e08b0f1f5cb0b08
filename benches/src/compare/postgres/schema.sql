-- Auctions and bids as a relational database would hold them, and what one bid does to them.
--
-- The rules are Gavel's: a bid is a secret maximum, the higher maximum leads, the earlier of equals, and the price is one step
-- above the best maximum that was beaten, never more than the leader's own. A test feeds both the same bids and asks for the same
-- answers. Verdicts: 1 leading, 0 outbid, -1 too low (with the least that is enough), -2 closed, -3 no such auction,
-- -4 the seller's own.
--
-- No index holds a column that a bid changes, and pages are left half empty, so that every update of an auction is heap-only
-- (HOT). Bids have no index at all, and refer to nothing: both would only cost. What Gavel does beside is left out: ids that make
-- retries harmless, bans, reserve prices, soft close, tables of steps.

CREATE TABLE auctions (
    id       integer PRIMARY KEY,
    seller   bigint NOT NULL,
    opening  bigint NOT NULL,
    step     bigint NOT NULL,
    is_open  boolean NOT NULL,
    ends_at  timestamptz NOT NULL,
    seq      integer NOT NULL,
    leader   bigint,
    max      bigint,
    price    bigint
) WITH (fillfactor = 40);

CREATE TABLE bids (
    auction  integer NOT NULL,
    seq      integer NOT NULL,
    bidder   bigint NOT NULL,
    amount   bigint NOT NULL,
    price    bigint NOT NULL,
    leads    boolean NOT NULL,
    at       timestamptz NOT NULL
);

-- One bid, in one transaction. The update takes the row's lock, and looks again at what a bid before it has left there.
CREATE FUNCTION bid(the_auction integer, the_bidder bigint, the_amount bigint,
                    OUT verdict bigint, OUT new_price bigint, OUT enough bigint)
LANGUAGE plpgsql AS $$
DECLARE
    a auctions;
BEGIN
    UPDATE auctions AS t SET
        seq = t.seq + 1,
        leader = CASE WHEN t.max >= the_amount THEN t.leader ELSE the_bidder END,
        price = CASE
            WHEN t.max IS NULL THEN t.opening
            WHEN t.leader = the_bidder THEN t.price
            WHEN the_amount > t.max THEN greatest(least(t.max + t.step, the_amount), t.price)
            ELSE greatest(least(the_amount + t.step, t.max), t.price)
        END,
        max = greatest(t.max, the_amount)
    WHERE t.id = the_auction AND t.is_open AND t.ends_at > clock_timestamp() AND t.seller <> the_bidder
        AND the_amount >= CASE
            WHEN t.max IS NULL THEN t.opening
            WHEN t.leader = the_bidder THEN t.max + 1
            ELSE t.price + t.step
        END
    RETURNING t.* INTO a;
    IF FOUND THEN
        INSERT INTO bids VALUES
            (the_auction, a.seq, the_bidder, the_amount, a.price, a.leader = the_bidder, clock_timestamp());
        verdict := (a.leader = the_bidder)::int;
        new_price := a.price;
        RETURN;
    END IF;
    -- Refused. Why is read without a lock: the price has only risen since.
    SELECT * INTO a FROM auctions AS t WHERE t.id = the_auction;
    new_price := a.price;
    verdict := CASE
        WHEN a.id IS NULL THEN -3
        WHEN NOT a.is_open OR a.ends_at <= clock_timestamp() THEN -2
        WHEN a.seller = the_bidder THEN -4
        ELSE -1
    END;
    enough := CASE
        WHEN a.max IS NULL THEN a.opening
        WHEN a.leader = the_bidder THEN a.max + 1
        ELSE a.price + a.step
    END;
END $$;

-- How an auction goes on, for many bids at once: {max, price, leader, seq, verdict, enough} after one more bid.
CREATE FUNCTION after_bid(s bigint[], a auctions, the_bidder bigint, the_amount bigint) RETURNS bigint[]
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    enough bigint;
BEGIN
    IF a.id IS NULL THEN
        RETURN ARRAY[NULL, NULL, NULL, 0, -3, NULL];
    END IF;
    IF s IS NULL THEN
        s := ARRAY[a.max, a.price, a.leader, a.seq, 0, NULL];
    END IF;
    enough := CASE WHEN s[1] IS NULL THEN a.opening WHEN s[3] = the_bidder THEN s[1] + 1 ELSE s[2] + a.step END;
    IF NOT a.is_open OR a.ends_at <= statement_timestamp() THEN
        RETURN ARRAY[s[1], s[2], s[3], s[4], -2, NULL];
    ELSIF a.seller = the_bidder THEN
        RETURN ARRAY[s[1], s[2], s[3], s[4], -4, NULL];
    ELSIF the_amount < enough THEN
        RETURN ARRAY[s[1], s[2], s[3], s[4], -1, enough];
    ELSIF s[1] IS NULL THEN
        RETURN ARRAY[the_amount, a.opening, the_bidder, s[4] + 1, 1, NULL];
    ELSIF s[3] = the_bidder THEN
        RETURN ARRAY[the_amount, s[2], the_bidder, s[4] + 1, 1, NULL];
    ELSIF the_amount > s[1] THEN
        RETURN ARRAY[the_amount, greatest(least(s[1] + a.step, the_amount), s[2]), the_bidder, s[4] + 1, 1, NULL];
    END IF;
    RETURN ARRAY[s[1], greatest(least(the_amount + a.step, s[1]), s[2]), s[3], s[4] + 1, 0, NULL];
END $$;

CREATE AGGREGATE judged(auctions, bigint, bigint) (SFUNC = after_bid, STYPE = bigint[]);

-- Many bids in one statement and one transaction, each decided after all before it: a window over each auction's bids in their
-- order folds the rules. Rows are locked in the order of their ids, so that two batches never wait for each other in a ring.
CREATE FUNCTION bid_batch(auctions integer[], bidders bigint[], amounts bigint[],
                          OUT verdicts bigint[], OUT prices bigint[], OUT enoughs bigint[])
LANGUAGE sql AS $$
    WITH offered AS MATERIALIZED (
        SELECT o.* FROM unnest($1, $2, $3) WITH ORDINALITY AS o(auction, bidder, amount, place)
    ), locked AS MATERIALIZED (
        SELECT t FROM auctions AS t WHERE t.id = ANY ($1) ORDER BY t.id FOR UPDATE
    ), decided AS MATERIALIZED (
        SELECT o.*, judged(l.t, o.bidder, o.amount)
            OVER (PARTITION BY o.auction ORDER BY o.place ROWS UNBOUNDED PRECEDING) AS s
        FROM offered AS o LEFT JOIN locked AS l ON (l.t).id = o.auction
    ), stored AS (
        INSERT INTO bids
        SELECT d.auction, d.s[4], d.bidder, d.amount, d.s[2], d.s[5] = 1, clock_timestamp()
        FROM decided AS d WHERE d.s[5] >= 0
    ), moved AS (
        UPDATE auctions AS t SET max = l.s[1], price = l.s[2], leader = l.s[3], seq = l.s[4]
        FROM (SELECT DISTINCT ON (d.auction) d.auction, d.s FROM decided AS d ORDER BY d.auction, d.place DESC) AS l
        WHERE t.id = l.auction AND t.seq < l.s[4]
    )
    SELECT array_agg(d.s[5] ORDER BY d.place), array_agg(d.s[2] ORDER BY d.place), array_agg(d.s[6] ORDER BY d.place)
    FROM decided AS d
$$;
