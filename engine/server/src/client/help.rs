//! What the help of the client's commands says beyond the flags: what happens, what a retry does, examples.

pub(super) const OPEN_ABOUT: &str = "\
Open an auction; prints its id.

Every flag is a term, and stays as it is; what is not given has its default. All amounts are integers of the currency's minor \
unit: 10600 is 106.00 EUR, or 10600 KRW.

The request has an id. If the answer is lost, the command sends it again by itself for --retry-for, and then says with which --id \
to run it again: the server opens nothing twice.";

pub(super) const OPEN: &str = r#"Examples:
  gavel open --seller 7 --currency KRW --for 10m
  gavel open --seller 7 --currency KRW --for 10m --opening-price 1000 --step 100 --soft-close 120s
  gavel open --seller 7 --currency EUR --starts +1h --ends 2026-12-24T18:00:00+01:00 --reserve 500000
  gavel open --seller 7 --currency USD --for 7d --buy-now 20000 --increments 0:100,10000:500
  gavel open --seller 7 --currency KRW --for 3d --details '{"title": "A vase"}'
  id=$(gavel open --seller 7 --currency KRW --for 1h) && gavel bid "$id" 8 5000"#;

pub(super) const GET: &str = "\
Shows the durable state: whatever it says is on disk. Secret maxima and the reserve price are shown to nobody.

Examples:
  gavel get 20261122-003-00000042
  gavel get 20261122-003-00000042 --json";

pub(super) const BID_ABOUT: &str = "\
Bid in an auction, up to an amount.

The amount is the bidder's secret maximum: the price rises only as far as it must (with --no-proxy terms it is the price itself). \
LEADING and OUTBID are both accepted bids, exit code 0; an accepted bid is on disk when its answer is there.

Every bid has an id, and counts once however often it is sent. If the answer is lost, the command connects again and sends the same \
bid by itself for --retry-for; if there is none even then, it exits with 9 and says with which --id to run the same line again. \
Scripts that may be killed themselves choose an id before they bid.";

pub(super) const BID: &str = "\
Examples:
  gavel bid 20261122-003-00000042 8 10600
  gavel bid 20261122-003-00000042 8 10600 --id $(uuidgen)
  gavel bid 20261122-003-00000042 8 10600 --json | jq .status
  gavel bid 20261122-003-00000042 8 10600 --retry-for 1m    wait for a server that is starting";

pub(super) const BUY: &str = "\
A purchase has an id as a bid has: if the answer is lost, it is sent again by itself, and counts once.

Examples:
  gavel buy 20261122-003-00000042 8
  gavel buy 20261122-003-00000042 8 --id $(uuidgen) --json";

pub(super) const WATCH_ABOUT: &str = "\
Follow auctions live: one line per change, until all of them are final.

Shows how each auction stands, then every durable change; changes that follow each other faster than they are read are shown as one. \
When the connection is lost it says so, connects again, and shows what has changed meanwhile. An auction that was won is final when \
it is paid, or when nobody is left to pay: --ended stops before that. With --json, each line is the server's own object.";

pub(super) const WATCH: &str = "\
Examples:
  gavel watch 20261122-003-00000042
  gavel watch 20261122-003-00000042 20261122-001-00000007 --ended
  gavel watch 20261122-003-00000042 --json | jq .price";

pub(super) const RETRACT: &str = "\
The price is computed anew from the bids that remain. Run again, it is refused with NOTFOUND: no such bid stands any more.

Examples:
  gavel retract 20261122-003-00000042 0197b1c2-7d3e-7a4b-8c5d-6e7f8091a2b3 'typed one zero too many'";

pub(super) const REMOVE: &str = "\
The price is computed anew from the bids that remain. The bidder may bid again; see `gavel ban`. Run again, it is refused with NOTFOUND.

Examples:
  gavel remove 20261122-003-00000042 8 'stolen account'";

pub(super) const EXTEND: &str = "\
With a time, running it again is refused (STATE) and moves nothing twice; with --by it moves the end once more. The end never moves \
beyond the hard end of the terms.

Examples:
  gavel extend 20261122-003-00000042 2026-11-22T20:00:00Z
  gavel extend 20261122-003-00000042 +10m                   10 minutes from now
  gavel extend 20261122-003-00000042 --by 10m               10 minutes later than it would end";

pub(super) const END: &str = "\
Whoever leads wins, if the reserve is met. Run again, it is refused with STATE.

Examples:
  gavel end 20261122-003-00000042";

pub(super) const CANCEL: &str = "\
Run again, it is done already, and answers the same.

Examples:
  gavel cancel 20261122-003-00000042 'the vase is broken'";

pub(super) const EDIT: &str = r#"Details go through the log to those who read it; `gavel get` does not show them. After the first bid, running it again appends
once more.

Examples:
  gavel edit 20261122-003-00000042 '{"title": "A vase, blue"}'
  gavel edit 20261122-003-00000042 --file details.json
  jq .item catalogue.json | gavel edit 20261122-003-00000042 --file -"#;

pub(super) const LOWER_RESERVE: &str = "\
A leader whose maximum reaches the new reserve has it met at once. Run again, it is refused (INVALID, or STATE for none).

Examples:
  gavel lower-reserve 20261122-003-00000042 400000
  gavel lower-reserve 20261122-003-00000042 none";

pub(super) const PAID: &str = "\
Run again, it is done already, and answers the same.

Examples:
  gavel paid 20261122-003-00000042";

pub(super) const UNPAID_ABOUT: &str = "\
The winner will not pay: the auction is offered to the runner-up, at what they would have paid without those before them, or is unsold.

Do not run it again without looking: if the runner-up has accepted meanwhile, it ends their award, too.";

pub(super) const UNPAID: &str = "\
Examples:
  gavel unpaid 20261122-003-00000042";

pub(super) const OFFER: &str = "\
Examples:
  gavel offer accept 20261122-003-00000042 9
  gavel offer decline 20261122-003-00000042 9               the next one is asked";

pub(super) const BAN: &str = "\
In force in every shard when it is answered. A bidder who is banned already is refused with STATE.

Examples:
  gavel ban 8                                               from everything; standing bids stay
  gavel ban 8 --seller 7 --remove-bids
  gavel ban 8 --auction 20261122-003-00000042";

pub(super) const UNBAN: &str = "\
The scope must be that of the ban: lifting a ban from everything leaves those of single sellers and auctions. Where there is no such \
ban, it is refused with NOTFOUND.

Examples:
  gavel unban 8
  gavel unban 8 --seller 7";
