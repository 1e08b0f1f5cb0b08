//! The statements of a transaction: each takes what is staged into one table, all rows at once. What is only ever appended needs none: it
//! is copied into its table.

/// Where the day begins in an auction's id.
const DAY_BIT: u32 = 48;

/// Which of some bidders have a bid that stands. They come in the order of the index, so that it is read from one end to the other.
pub(super) const ANY_STANDING: &str = "
SELECT wanted.number
FROM unnest($1::bigint[], $2::text[]) WITH ORDINALITY AS wanted (auction, bidder, number)
WHERE EXISTS (
    SELECT FROM bids
    WHERE bids.auction = wanted.auction AND bids.bidder = wanted.bidder AND bids.withdrawn_seq IS NULL
)";

/// How many bids of some bidders stand.
pub(super) const STANDING: &str = "
SELECT wanted.number, count(*)
FROM unnest($1::bigint[], $2::text[]) WITH ORDINALITY AS wanted (auction, bidder, number)
JOIN bids ON bids.auction = wanted.auction AND bids.bidder = wanted.bidder AND bids.withdrawn_seq IS NULL
GROUP BY wanted.number";

/// New auctions, as of their opening.
pub(super) const OPEN: &str = "
INSERT INTO auctions (
    auction, seq, epoch, lsn, at, bid_count, bidder_count, ends_at, reserve_price, state, shard, opened_at, starts_at, first_ends_at,
    opening_price, first_reserve_price, payment_window_s, offer_window_s, open_id, proxy, seller, currency, placement_key, buy_now,
    increments, soft_close, retraction, details)
SELECT
    auction, seq, epoch, lsn, at, 0, 0, ends_at, reserve_price, state, auction_shard(auction), at, starts_at, ends_at, opening_price,
    reserve_price, payment_window_s, offer_window_s, open_id, proxy, seller, currency, terms ->> 'placement_key',
    nullif(terms -> 'buy_now', 'null'), terms -> 'increments', nullif(terms -> 'soft_close', 'null'), terms -> 'retraction',
    terms -> 'details'
FROM staged_openings
ON CONFLICT (auction) DO NOTHING";

/// Auctions that were there before this transaction opened them, and as of which record.
pub(super) const OPENED_BEFORE: &str = "
SELECT auction, auctions.seq FROM staged_openings JOIN auctions USING (auction)
WHERE auctions.xmin <> pg_current_xact_id()::xid";

/// Auctions that go on from exactly the record that their rows are as of.
pub(super) const CHANGE: &str = "
UPDATE auctions SET
    seq = change.seq, epoch = change.epoch, lsn = change.lsn, at = change.at,
    state = coalesce(change.state, auctions.state),
    price = CASE WHEN change.sets_price THEN change.price ELSE auctions.price END,
    leader = CASE WHEN change.sets_leader THEN change.leader ELSE auctions.leader END,
    reserve_price = CASE WHEN change.sets_reserve THEN change.reserve_price ELSE auctions.reserve_price END,
    ends_at = coalesce(change.ends_at, auctions.ends_at),
    deadline = CASE WHEN change.sets_deadline THEN change.deadline ELSE auctions.deadline END,
    outcome = coalesce(change.outcome, auctions.outcome),
    ended_at = coalesce(change.ended_at, auctions.ended_at),
    final_at = coalesce(change.final_at, auctions.final_at),
    details = coalesce(change.details, auctions.details),
    details_added = auctions.details_added || coalesce(change.details_added, '[]'),
    tried = CASE WHEN change.tried_leader AND auctions.leader IS NOT NULL
        THEN auctions.tried || auctions.leader ELSE auctions.tried END || change.tried,
    bid_count = auctions.bid_count + change.bids,
    bidder_count = auctions.bidder_count + change.bidders
FROM staged_changes AS change
WHERE auctions.auction = change.auction AND auctions.seq = change.before";

/// Auctions whose rows are as of another record (or not there) than the one before those that are staged.
pub(super) const UNCHANGED: &str = "
SELECT change.auction, auctions.seq FROM staged_changes AS change LEFT JOIN auctions USING (auction)
WHERE auctions.seq IS NULL OR auctions.xmin <> pg_current_xact_id()::xid";

/// Bids that were taken out of auctions that were opened on one day (in days since 1970): by the first event that did so.
///
/// The day's bounds are in the statement's text: known to the planner, they keep it from locking the partitions of other days, of which
/// one may be locked against writers for as long as it is exported.
pub(super) fn withdraw(day: u16) -> String {
    let first = u64::from(day) << DAY_BIT;
    let (low, high) = (first.cast_signed(), (first | ((1 << DAY_BIT) - 1)).cast_signed());
    format!(
        "
UPDATE bids SET withdrawn_seq = gone.by_seq
FROM (
    SELECT bids.auction, bids.seq, min(withdrawal.seq) AS by_seq
    FROM staged_withdrawals AS withdrawal
    JOIN bids ON bids.auction = withdrawal.auction AND bids.bidder = withdrawal.bidder AND bids.seq < withdrawal.seq
        AND bids.withdrawn_seq IS NULL AND (withdrawal.bid_id IS NULL OR bids.bid_id = withdrawal.bid_id)
    WHERE bids.auction BETWEEN {low} AND {high}
    GROUP BY bids.auction, bids.seq
) AS gone
WHERE bids.auction = gone.auction AND bids.seq = gone.seq AND bids.auction BETWEEN {low} AND {high}"
    )
}

/// The bid of whoever has won or has the offer, and the best one behind it. (`bids` alone would be the column of that name in what is
/// staged, not the row.) What was offered is looked up bid by bid: a join would compare every bid of an auction with every other.
pub(super) const AWARD: &str = "
UPDATE auctions SET winning_bid = found.winning, runner_up_bid = found.runner_up
FROM (
    SELECT auctions.auction, winning.bid AS winning, runner_up.bid AS runner_up
    FROM staged_changes AS change
    JOIN auctions ON auctions.auction = change.auction
    LEFT JOIN LATERAL (
        SELECT to_jsonb(made) - 'auction' AS bid
        FROM bids AS made
        WHERE made.auction = auctions.auction AND made.withdrawn_seq IS NULL AND made.bidder = auctions.leader
        ORDER BY made.status = 'sold' DESC,
            (SELECT amount FROM maxima WHERE maxima.auction = made.auction AND maxima.seq = made.seq) DESC, made.seq
        LIMIT 1
    ) AS winning ON true
    LEFT JOIN LATERAL (
        SELECT to_jsonb(made) - 'auction' AS bid
        FROM bids AS made
        WHERE made.auction = auctions.auction AND made.withdrawn_seq IS NULL AND made.bidder <> auctions.leader
            AND made.bidder <> ALL (auctions.tried)
        ORDER BY
            (SELECT amount FROM maxima WHERE maxima.auction = made.auction AND maxima.seq = made.seq) DESC, made.seq
        LIMIT 1
    ) AS runner_up ON true
    WHERE change.award
) AS found
WHERE auctions.auction = found.auction";

/// Moves the cursor.
pub(super) const MOVE: &str = "
UPDATE cursors SET epoch = $2, lsn = $3, at = coalesce($4, at), moved_at = now() WHERE shard = $1";

/// Auctions of which nothing is parked any more.
pub(super) const FREED: &str = "
SELECT wanted FROM unnest($1::bigint[]) AS wanted
WHERE NOT EXISTS (SELECT FROM parked WHERE parked.auction = wanted)";
