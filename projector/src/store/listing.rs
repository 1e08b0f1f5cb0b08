//! What can be listed, in what order, and by how much at a time. Both stores answer these, or say that they can't.

use super::{After, AfterError, Page, StoreError};
use crate::Collection;
use crate::limits::CATEGORY_BYTES_MAX;
use crate::store::limits::{PAGE_DOCUMENTS_MAX, SEARCH_TEXT_BYTES_MAX};
use bson::{RawBsonRef, RawDocument, RawDocumentBuf};
use gavel_core::auction::State;
use gavel_core::{AccountId, Amount, AuctionId};

/// A list of documents.
#[derive(Clone, Debug, PartialEq)]
pub enum Listing {
    /// Auctions.
    Auctions(Search),
    /// The bids of an auction, latest first.
    BidsOfAuction(AuctionId),
    /// How a bidder stands in each auction, the one that was opened last first.
    BidsOfBidder(AccountId),
}

/// Which auctions, in what order. Made by [`Search::new`] alone, so that it is one that can be answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Search {
    filter: Filter,
    sort: Sort,
}

/// Which auctions. What is `None` does not matter.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter {
    /// Those in this state.
    pub state: Option<State>,
    /// Those of this seller.
    pub seller: Option<AccountId>,
    /// Those in this category.
    pub category: Option<String>,
    /// Those whose price, or opening price while no bid stands, is at least this.
    pub price_min: Option<Amount>,
    /// Those whose price, or opening price while no bid stands, is at most this.
    pub price_max: Option<Amount>,
    /// Those whose title or description has one of these words; all of a `"phrase"`; none of a `-word`.
    pub text: Option<String>,
}

/// In what order. Equals are in the order of their ids, in the same direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// The one that ends first, first.
    #[default]
    EndsAt,
    /// The one that was opened last, first.
    Newest,
    /// The cheapest first.
    Price,
    /// The one with most bids first.
    Bids,
}

/// A search that can't be answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SearchError {
    /// Nothing can be in the range.
    #[error("the least price, {min}, is above the highest, {max}")]
    Prices {
        /// The least.
        min: Amount,
        /// The highest.
        max: Amount,
    },
    /// Too much text.
    #[error("{what} has {bytes} bytes; 1 to {max} are allowed")]
    Text {
        /// Which text.
        what: &'static str,
        /// How long it is.
        bytes: usize,
        /// How long it may be.
        max: usize,
    },
}

impl Search {
    /// Checks what is searched for.
    ///
    /// # Errors
    /// It can't be answered.
    pub fn new(filter: Filter, sort: Sort) -> Result<Self, SearchError> {
        if let (Some(min), Some(max)) = (filter.price_min, filter.price_max)
            && min > max
        {
            return Err(SearchError::Prices { min, max });
        }
        let fits = |what, text: &Option<String>, max| match text {
            Some(text) if text.trim().is_empty() || text.len() > max => {
                Err(SearchError::Text { what, bytes: text.len(), max })
            }
            _ => Ok(()),
        };
        fits("the category", &filter.category, CATEGORY_BYTES_MAX)?;
        fits("the text to search for", &filter.text, SEARCH_TEXT_BYTES_MAX)?;
        Ok(Self { filter, sort })
    }

    /// Which auctions.
    #[must_use]
    pub const fn filter(&self) -> &Filter {
        &self.filter
    }

    /// In what order.
    #[must_use]
    pub const fn sort(&self) -> Sort {
        self.sort
    }
}

impl Sort {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::EndsAt, Self::Newest, Self::Price, Self::Bids];

    /// Its one spelling.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::EndsAt => "ends_at",
            Self::Newest => "newest",
            Self::Price => "price",
            Self::Bids => "bids",
        }
    }
}

/// From where on, and how many at most.
#[derive(Clone, Debug, PartialEq)]
pub struct Paging {
    after: Option<After>,
    limit: usize,
}

/// A number of documents that is not given at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} documents at a time; 1 to {PAGE_DOCUMENTS_MAX} are allowed")]
pub struct PagingError(pub usize);

impl Paging {
    /// From the beginning, or from behind a place, so many.
    ///
    /// # Errors
    /// There are too many of them, or none.
    pub fn new(after: Option<After>, limit: usize) -> Result<Self, PagingError> {
        if (1..=PAGE_DOCUMENTS_MAX).contains(&limit) {
            Ok(Self { after, limit })
        } else {
            Err(PagingError(limit))
        }
    }

    /// How many documents are asked for.
    #[must_use]
    pub const fn limit(&self) -> usize {
        self.limit
    }
}

/// How a listing is ordered: by a field, then by `_id`, both in one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Order {
    /// `None`: by `_id` alone.
    pub(super) field: Option<&'static str>,
    /// True: the greatest first.
    pub(super) descending: bool,
}

impl Listing {
    /// Where its documents lie.
    #[must_use]
    pub const fn collection(&self) -> Collection {
        match self {
            Self::Auctions(_) => Collection::Auctions,
            Self::BidsOfAuction(_) => Collection::Bids,
            Self::BidsOfBidder(_) => Collection::Bidders,
        }
    }

    pub(super) const fn order(&self) -> Order {
        let (field, descending) = match self {
            Self::Auctions(search) => match search.sort {
                Sort::EndsAt => (Some("ends_at"), false),
                Sort::Newest => (Some("opened_at"), true),
                Sort::Price => (Some("current_price"), false),
                Sort::Bids => (Some("bid_count"), true),
            },
            Self::BidsOfAuction(_) | Self::BidsOfBidder(_) => (None, true),
        };
        Order { field, descending }
    }

    /// What tells this listing from all others, so that a place in one is not taken for a place in another.
    pub(super) fn fingerprint(&self) -> [u8; 8] {
        let mut hasher = blake3::Hasher::new();
        let mut part = |text: Option<String>| {
            let text = text.unwrap_or_else(|| "\0".to_owned());
            hasher.update(&(text.len() as u64).to_be_bytes()).update(text.as_bytes());
        };
        part(Some(self.collection().name().to_owned()));
        match self {
            Self::Auctions(Search { filter, sort }) => {
                let Filter { state, seller, category, price_min, price_max, text } = filter.clone();
                part(Some(sort.name().to_owned()));
                part(state.map(|state| state.name().to_owned()));
                part(seller.map(|seller| seller.to_string()));
                part(category);
                part(price_min.map(|amount| amount.to_string()));
                part(price_max.map(|amount| amount.to_string()));
                part(text);
            }
            Self::BidsOfAuction(auction) => part(Some(auction.to_string())),
            Self::BidsOfBidder(bidder) => part(Some(bidder.to_string())),
        }
        let mut fingerprint = [0; 8];
        fingerprint.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
        fingerprint
    }

    /// The place that the paging names, which must be one in this listing.
    pub(super) fn place<'a>(&self, paging: &'a Paging) -> Result<Option<&'a After>, AfterError> {
        paging.after.as_ref().map(|after| after.checked(self.fingerprint())).transpose()
    }

    /// A document's key in the order; 0 where the order is that of `_id` alone.
    pub(super) fn key(&self, document: &RawDocument) -> Result<i64, StoreError> {
        let Some(field) = self.order().field else { return Ok(0) };
        number(document, field).ok_or_else(|| unfit(self.collection(), document, field))
    }

    /// A page of these documents: one more than were asked for, where there are more.
    pub(super) fn page(
        &self,
        paging: &Paging,
        mut documents: Vec<RawDocumentBuf>,
    ) -> Result<Page, StoreError> {
        let has_more = documents.len() > paging.limit;
        documents.truncate(paging.limit);
        let last = documents.last().filter(|_| has_more);
        let next = last.map(|last| {
            let id = last.get_str("_id").map_err(|_| unfit(self.collection(), last, "_id"))?;
            Ok::<_, StoreError>(After::new(self.fingerprint(), self.key(last)?, id))
        });
        Ok(Page { next: next.transpose()?, documents })
    }
}

/// A date in milliseconds, or a whole number.
pub(super) fn number(document: &RawDocument, field: &str) -> Option<i64> {
    match document.get(field) {
        Ok(Some(RawBsonRef::DateTime(at))) => Some(at.timestamp_millis()),
        Ok(Some(RawBsonRef::Int64(number))) => Some(number),
        _ => None,
    }
}

/// What is said of a document that can't be used.
pub(super) fn unfit(collection: Collection, document: &RawDocument, field: &'static str) -> StoreError {
    let id = document.get_str("_id").unwrap_or_default().to_owned();
    StoreError::Unfit { collection, id, field }
}
