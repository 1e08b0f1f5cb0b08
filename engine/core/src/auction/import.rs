//! An auction from the plain data of an export. What is read proves nothing: every bound is checked again, and what hangs together
//! is held against each other, so that an [`Auction`] made here is one that `decide` and `apply` can work on.

use super::bidders::Bidders;
use super::bids::{Bid, Bids};
use super::export::{BidFacts, Facts, Lengths};
use super::history::{EndMark, Rare};
use super::{Auction, Lead};
use crate::limits::{AUCTION_BANS_MAX, BIDS_PER_AUCTION_MAX, EDITS_PER_AUCTION_MAX};
use crate::terms::ValidDraft;
use crate::{AccountId, AuctionId, BidId, Epoch, FieldError, Lsn, Seq, Terms, Timestamp};

/// An auction that is being put together. Takes the facts first, then the runs of the lists in the order of
/// [`Sink`](super::export::Sink)'s methods; becomes an [`Auction`] by [`finish`](Self::finish) only.
#[derive(Debug)]
pub struct Import {
    auction: Auction,
    expected: Lengths,
    /// The first bid whose id may still have to come, if the client chose it.
    next_chosen: usize,
}

/// Data that is no auction's state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the state of auction {auction} does not hold together: {problem}")]
pub struct ImportError {
    /// The auction.
    pub auction: AuctionId,
    /// What is wrong.
    pub problem: ImportProblem,
}

/// What is wrong with an auction's data.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImportProblem {
    /// Terms that are not valid.
    #[error("its terms are not valid: {0:?}")]
    Terms(Vec<FieldError>),
    /// More than there can be.
    #[error("{count} {list}; at most {max} are allowed")]
    TooMany {
        /// Of what.
        list: &'static str,
        /// How many.
        count: u32,
        /// How many there can be.
        max: u32,
    },
    /// A list is longer or shorter than was said.
    #[error("{found} {list} where {expected} were announced")]
    Count {
        /// Of what.
        list: &'static str,
        /// How many were announced.
        expected: u32,
        /// How many there are.
        found: u32,
    },
    /// A list that must ascend, without doubles, does not; or it goes beyond the auction's latest event.
    #[error("its {0} are not in order")]
    Order(&'static str),
    /// A bidder who is not in the list of bidders.
    #[error("its {0} name a bidder who is not among its bidders")]
    Bidder(&'static str),
    /// An account or id is there twice.
    #[error("its {0} have one twice")]
    Twice(&'static str),
    /// An id that was not chosen by a client is among those that were.
    #[error("an id among its chosen ids is none, or belongs to no bid")]
    Chosen,
    /// The leader's maximum is below the price, or the reserve in force above the first one.
    #[error("its {0} is out of bounds")]
    Bound(&'static str),
}

type Checked = Result<(), ImportProblem>;

impl Import {
    /// Begins with the facts and the terms.
    ///
    /// # Errors
    /// They are out of bounds.
    pub fn begin(facts: &Facts, terms: ValidDraft) -> Result<Self, ImportError> {
        let fail = |problem| ImportError { auction: facts.id, problem };
        let terms = Terms::from_record(terms).map_err(|errors| fail(ImportProblem::Terms(errors)))?;
        check_facts(facts, &terms).map_err(fail)?;
        let Facts { id, state, seq, lsn, epoch, at, ends_at, deadline, reserve, lead, edits, lengths } =
            *facts;
        let Lengths { banned, bidders, bids, chosen: _, tried, epochs, ends } = lengths;
        let has_rare = edits + banned + tried + epochs + ends > 0;
        let rare = has_rare.then(|| Box::new(Rare { edits, ..Rare::default() }));
        let (bids, bidders) = (Bids::with_room(bids), Bidders::with_room(bidders));
        let auction = Auction {
            id,
            terms,
            bids,
            bidders,
            lead,
            reserve,
            ends_at,
            deadline,
            at,
            lsn,
            epoch,
            seq,
            rare,
            state,
        };
        Ok(Self { auction, expected: lengths, next_chosen: 0 })
    }

    /// The auction that it will be.
    #[must_use]
    pub fn id(&self) -> AuctionId {
        self.auction.id
    }

    fn checked(&self, checked: Checked) -> Result<(), ImportError> {
        checked.map_err(|problem| ImportError { auction: self.auction.id, problem })
    }

    /// The next bidders banned from the auction.
    ///
    /// # Errors
    /// They do not ascend, or are more than was said.
    pub fn banned(&mut self, accounts: impl Iterator<Item = AccountId>) -> Result<(), ImportError> {
        let Rare { banned, .. } = self.auction.rare_mut();
        let mut checked = Ok(());
        for account in accounts {
            if banned.last().is_some_and(|last| *last >= account) {
                checked = Err(ImportProblem::Order("banned bidders"));
                break;
            }
            banned.push(account);
        }
        self.checked(checked)?;
        self.not_beyond("banned bidders", |lengths| lengths.banned)
    }

    /// The next bidders.
    ///
    /// # Errors
    /// One of them is there already, or they are more than was said.
    pub fn bidders(&mut self, accounts: impl Iterator<Item = AccountId>) -> Result<(), ImportError> {
        for account in accounts {
            if !self.auction.bidders.restore(account) {
                return self.checked(Err(ImportProblem::Twice("bidders")));
            }
        }
        self.not_beyond("bidders", |lengths| lengths.bidders)
    }

    /// The next bids.
    ///
    /// # Errors
    /// They are not in order, one's bidder is not among the bidders, or they are more than was said.
    pub fn bids(&mut self, bids: impl Iterator<Item = BidFacts>) -> Result<(), ImportError> {
        let Auction { bids: list, bidders, seq, lsn, .. } = &mut self.auction;
        let mut last = list.iter().next_back().map_or((Seq(1), Lsn(0)), |bid| (bid.seq, bid.lsn));
        let mut checked = Ok(());
        for bid in bids {
            if bid.seq <= last.0 || bid.lsn <= last.1 || bid.seq > *seq || bid.lsn > *lsn {
                checked = Err(ImportProblem::Order("bids"));
                break;
            }
            if bid.bidder as usize >= bidders.len() {
                checked = Err(ImportProblem::Bidder("bids"));
                break;
            }
            last = (bid.seq, bid.lsn);
            list.restore(Bid::from_facts(&bid));
        }
        self.checked(checked)?;
        self.not_beyond("bids", |lengths| lengths.bids)
    }

    /// The next chosen ids, in the order of their bids.
    ///
    /// # Errors
    /// One is no id that a client can choose, belongs to no bid, or is there already.
    pub fn chosen(&mut self, ids: impl Iterator<Item = BidId>) -> Result<(), ImportError> {
        let Self { auction, next_chosen, .. } = self;
        let mut checked = Ok(());
        for id in ids {
            let place = auction.bids.next_chosen(*next_chosen).filter(|_| id.as_assigned().is_none());
            let Some(place) = place else {
                checked = Err(ImportProblem::Chosen);
                break;
            };
            if auction.bids.find(auction.id, id).is_some() {
                checked = Err(ImportProblem::Twice("chosen ids"));
                break;
            }
            auction.bids.restore_chosen(id, place);
            *next_chosen = place + 1;
        }
        self.checked(checked)?;
        self.not_beyond("chosen ids", |lengths| lengths.chosen)
    }

    /// The next who were tried.
    ///
    /// # Errors
    /// One of them is not among the bidders, or they are more than was said.
    pub fn tried(&mut self, bidders: impl Iterator<Item = u32>) -> Result<(), ImportError> {
        let known = self.auction.bidders.len();
        let tried = &mut self.auction.rare_mut().tried;
        tried.extend(bidders);
        let checked = if tried.iter().all(|bidder| (*bidder as usize) < known) {
            Ok(())
        } else {
            Err(ImportProblem::Bidder("tried bidders"))
        };
        self.checked(checked)?;
        self.not_beyond("tried bidders", |lengths| lengths.tried)
    }

    /// The next generations that ended.
    ///
    /// # Errors
    /// They do not ascend, or are more than was said.
    pub fn epochs(&mut self, epochs: impl Iterator<Item = (Epoch, Seq)>) -> Result<(), ImportError> {
        let (present, latest) = (self.auction.epoch, self.auction.seq);
        let list = &mut self.auction.rare_mut().epochs;
        let mut checked = Ok(());
        for (epoch, seq) in epochs {
            let ascends = list.last().is_none_or(|last| last.0 < epoch && last.1 < seq);
            if !ascends || epoch >= present || seq > latest {
                checked = Err(ImportProblem::Order("epochs"));
                break;
            }
            list.push((epoch, seq));
        }
        self.checked(checked)?;
        self.not_beyond("epochs", |lengths| lengths.epochs)
    }

    /// The next changes of the end.
    ///
    /// # Errors
    /// They do not ascend, or are more than was said.
    pub fn ends(&mut self, ends: impl Iterator<Item = (Seq, Timestamp)>) -> Result<(), ImportError> {
        let latest = self.auction.seq;
        let list = &mut self.auction.rare_mut().ends;
        let mut checked = Ok(());
        for (seq, ends_at) in ends {
            if seq > latest || list.last().is_some_and(|last| last.parts().0 >= seq) {
                checked = Err(ImportProblem::Order("changes of its end"));
                break;
            }
            list.push(EndMark::new(seq, ends_at));
        }
        self.checked(checked)?;
        self.not_beyond("changes of its end", |lengths| lengths.ends)
    }

    fn found(&self) -> Lengths {
        let rare = self.auction.rare.as_deref();
        // Lossless: no list grows beyond what was announced by more than one run, and both have 32 bits.
        let of = |length: fn(&Rare) -> usize| rare.map_or(0, length) as u32;
        Lengths {
            banned: of(|rare| rare.banned.len()),
            bidders: self.auction.bidders.len() as u32,
            bids: self.auction.bids.len() as u32,
            chosen: self.auction.bids.chosen() as u32,
            tried: of(|rare| rare.tried.len()),
            epochs: of(|rare| rare.epochs.len()),
            ends: of(|rare| rare.ends.len()),
        }
    }

    fn not_beyond(&self, list: &'static str, length: fn(&Lengths) -> u32) -> Result<(), ImportError> {
        let (expected, found) = (length(&self.expected), length(&self.found()));
        self.checked(if found <= expected {
            Ok(())
        } else {
            Err(ImportProblem::Count { list, expected, found })
        })
    }

    /// True when all lists are as long as was said.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.found() == self.expected
    }

    /// The auction.
    ///
    /// # Errors
    /// A list is shorter than was said, or the whole does not hold together.
    pub fn finish(self) -> Result<Auction, ImportError> {
        let (found, expected) = (self.found(), self.expected);
        let lists = [
            ("banned bidders", found.banned, expected.banned),
            ("bidders", found.bidders, expected.bidders),
            ("bids", found.bids, expected.bids),
            ("chosen ids", found.chosen, expected.chosen),
            ("tried bidders", found.tried, expected.tried),
            ("epochs", found.epochs, expected.epochs),
            ("changes of its end", found.ends, expected.ends),
        ];
        if let Some((list, found, expected)) =
            lists.into_iter().find(|(_, found, expected)| found != expected)
        {
            self.checked(Err(ImportProblem::Count { list, expected, found }))?;
        }
        if self.auction.bids.next_chosen(self.next_chosen).is_some() {
            self.checked(Err(ImportProblem::Chosen))?;
        }
        let mut auction = self.auction;
        find_who_is_out(&mut auction.bidders, &auction.bids);
        Ok(auction)
    }
}

/// Takes down which bidders have no bid that stands.
fn find_who_is_out(bidders: &mut Bidders, bids: &Bids) {
    let mut stands = vec![false; bidders.len()];
    for bid in bids.iter().filter(|bid| bid.stands()) {
        if let Some(stands) = stands.get_mut(bid.bidder as usize) {
            *stands = true;
        }
    }
    for (number, stands) in (0..).zip(stands) {
        if !stands {
            bidders.set_out(number);
        }
    }
}

fn check_facts(facts: &Facts, terms: &Terms) -> Checked {
    let Facts { seq, lsn, reserve, lead, edits, lengths, .. } = facts;
    let bounds = [
        ("banned bidders", lengths.banned, AUCTION_BANS_MAX as u32),
        ("bids", lengths.bids, BIDS_PER_AUCTION_MAX),
        ("bidders", lengths.bidders, lengths.bids),
        ("chosen ids", lengths.chosen, lengths.bids),
        ("edits", *edits, EDITS_PER_AUCTION_MAX),
        ("tried bidders", lengths.tried, seq.0),
        ("epochs", lengths.epochs, seq.0),
        ("changes of its end", lengths.ends, seq.0),
        ("bids", lengths.bids, seq.0),
    ];
    if let Some((list, count, max)) = bounds.into_iter().find(|(_, count, max)| count > max) {
        return Err(ImportProblem::TooMany { list, count, max });
    }
    if *seq == Seq(0) || *lsn == Lsn(0) {
        return Err(ImportProblem::Bound("latest event"));
    }
    if *reserve > terms.reserve_price {
        return Err(ImportProblem::Bound("reserve price"));
    }
    match lead {
        Some(Lead { max, price, .. }) if price > max => Err(ImportProblem::Bound("price")),
        Some(Lead { bidder, .. }) if *bidder >= lengths.bidders => Err(ImportProblem::Bidder("leaders")),
        _ => Ok(()),
    }
}
