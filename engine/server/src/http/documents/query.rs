//! What is behind the `?` of a query, checked: every name is known, and every value is what it must be.

use crate::http::problem::Problem;
use crate::http::text::FromText;
use actix_web::HttpRequest;
use gavel_core::auction::State;
use gavel_core::{AccountId, Amount};
use gavel_projector::documents::WordLike;
use gavel_projector::store::limits::PAGE_DOCUMENTS_MAX;
use gavel_projector::store::{Filter, Paging, Search, Sort};
use gavel_wire::request::Shown;
use std::collections::BTreeMap;

/// Documents of a page, unless said.
const LIMIT_DEFAULT: usize = 50;

/// Names of a listing with a fixed order.
pub(super) const PAGING: &[&str] = &["limit", "after"];
/// Names of a listing that can be sorted.
pub(super) const SORTED: &[&str] = &["sort", "limit", "after"];
/// Names of a search.
pub(super) const SEARCH: &[&str] =
    &["state", "seller", "category", "price_min", "price_max", "q", "sort", "limit", "after"];

/// Names and values, decoded; of known names only, each at most once.
#[derive(Debug)]
pub(super) struct Query(BTreeMap<String, String>);

impl Query {
    /// Reads what is behind the `?`.
    ///
    /// # Errors
    /// A name is none of `known`, or is there twice.
    pub(super) fn of(request: &HttpRequest, known: &[&str]) -> Result<Self, Problem> {
        Self::read(request.query_string(), known)
    }

    fn read(text: &str, known: &[&str]) -> Result<Self, Problem> {
        let pairs = actix_web::web::Query::<Vec<(String, String)>>::from_query(text).map_err(|error| {
            Problem::invalid(format_args!("what is behind the `?` can't be read: {error}"))
        })?;
        let mut values = BTreeMap::new();
        for (name, value) in pairs.into_inner() {
            let shown = Shown::new(name.as_bytes());
            if !known.contains(&name.as_str()) {
                let words = format_args!("there is no {shown} here; allowed is {}", known.join(", "));
                return Err(Problem::invalid(words));
            }
            if values.contains_key(&name) {
                return Err(Problem::invalid(format_args!("{shown} is there twice")));
            }
            values.insert(name, value);
        }
        Ok(Self(values))
    }

    /// A value, read by `read`; `must` says what it must be.
    fn value<T>(
        &self,
        name: &str,
        must: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Problem> {
        let Some(text) = self.0.get(name) else { return Ok(None) };
        read(text).map(Some).ok_or_else(|| {
            let shown = Shown::new(text.as_bytes());
            Problem::invalid(format_args!("{name} must be {must}, got {shown}"))
        })
    }

    /// From where on, and how many.
    ///
    /// # Errors
    /// The number is out of its bounds, or the place is none.
    pub(super) fn paging(&self) -> Result<Paging, Problem> {
        let must = format!("a number from 1 to {PAGE_DOCUMENTS_MAX}");
        let limit = self.value("limit", &must, |text| text.parse().ok())?.unwrap_or(LIMIT_DEFAULT);
        let after = self.0.get("after").map(|text| text.parse()).transpose().map_err(Problem::invalid)?;
        Paging::new(after, limit).map_err(Problem::invalid)
    }

    /// Which auctions, in what order; `filter` is what the path says. A seller's are the newest first, others those that end first, unless
    /// said: what both stores can.
    ///
    /// # Errors
    /// A value is not what it must be.
    pub(super) fn search(&self, filter: Filter) -> Result<Search, Problem> {
        let amount = "a whole number of the currency's minor unit, from 1 to 9007199254740991";
        let of_amount = |text: &str| text.parse().ok().and_then(Amount::new);
        let usual = if filter.seller.is_some() { Sort::Newest } else { Sort::default() };
        let filter = Filter {
            state: self.value("state", &one_of(State::ALL), word)?,
            seller: match filter.seller {
                None => self.value("seller", AccountId::MUST, AccountId::from_text)?,
                seller => seller,
            },
            category: self.0.get("category").cloned(),
            price_min: self.value("price_min", amount, of_amount)?,
            price_max: self.value("price_max", amount, of_amount)?,
            text: self.0.get("q").cloned(),
        };
        let sorts = Sort::ALL.map(Sort::name).join(", ");
        let sort = |text: &str| Sort::ALL.into_iter().find(|sort| sort.name() == text);
        let sort = self.value("sort", &format!("one of {sorts}"), sort)?.unwrap_or(usual);
        Search::new(filter, sort).map_err(Problem::invalid)
    }
}

fn word<T: WordLike>(text: &str) -> Option<T> {
    T::ALL.iter().copied().find(|value| value.word() == text)
}

fn one_of<T: WordLike>(all: &[T]) -> String {
    let words: Vec<&str> = all.iter().map(|value| value.word()).collect();
    format!("one of {}", words.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> String {
        let read = Query::read(text, SEARCH);
        read.and_then(|query| query.search(Filter::default()).and_then(|_| query.paging()))
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn a_search_is_read_whole() {
        let text = "state=open&seller=7&category=pottery%20%26%20glass&price_min=100&price_max=200&q=blue+vase&sort=bids";
        let search = Query::read(text, SEARCH).unwrap().search(Filter::default()).unwrap();
        let expected = Filter {
            state: Some(State::Open),
            seller: Some(AccountId::from_integer(7)),
            category: Some("pottery & glass".to_owned()),
            price_min: Amount::new(100),
            price_max: Amount::new(200),
            text: Some("blue vase".to_owned()),
        };
        assert_eq!((search.filter(), search.sort()), (&expected, Sort::Bids));
        let nothing = Query::read("", SEARCH).unwrap().search(Filter::default()).unwrap();
        assert_eq!((nothing.filter(), nothing.sort()), (&Filter::default(), Sort::EndsAt));
    }

    #[test]
    fn what_is_wrong_is_said_with_what_is_allowed() {
        for (text, said) in [
            (
                "color=red",
                "there is no 'color' here; allowed is state, seller, category, price_min, price_max, q, sort, limit, after",
            ),
            ("q=a&q=b", "'q' is there twice"),
            (
                "state=OPEN",
                "state must be one of scheduled, open, awarded, offered, closed, unsold, cancelled, got 'OPEN'",
            ),
            ("price_min=-1", "price_min must be a whole number"),
            ("price_min=3&price_max=2", "the least price, 3, is above the highest, 2"),
            ("sort=up", "sort must be one of ends_at, newest, price, bids, got 'up'"),
            ("limit=0", "0 documents at a time; 1 to 200 are allowed"),
            ("limit=x", "limit must be a number from 1 to 200, got 'x'"),
            ("after=x", "`after` is not a place that an earlier page gave"),
            ("q=", "the text to search for has 0 bytes"),
        ] {
            let problem = problem(text);
            assert!(problem.contains(said), "{text}: {problem}");
        }
    }
}
