//! However the records come, the documents are the same.

use crate::history::{History, SHARD};
use crate::oracle;
use crate::rounds;
use crate::store::{Store, at_once, batch, load};
use gavel_core::{Event, State};
use gavel_projector::fold::Scope;
use gavel_projector::{Documents, Events, FoldError, fold};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeSet;

/// A projector: where it is, and what it has in memory.
struct Projector {
    done: usize,
    documents: Documents,
}

impl Projector {
    fn start(store: &Store) -> Self {
        Self { done: store.done(), documents: Documents::new(SHARD) }
    }

    /// Takes the next records in; may crash on the way, and starts again from the store's cursor then.
    fn step(&mut self, history: &History, store: &mut Store, dice: &mut ChaCha8Rng, crashes: bool) {
        let end = (self.done + dice.random_range(1..40)).min(history.log.len());
        let events = Events::read(&history.records(self.done..end)).unwrap();
        load(store, &events, &mut self.documents);
        let batch = match fold(&events, &mut self.documents, Scope::Whole) {
            Ok(batch) => batch,
            // Another one was further: what is in memory is thrown away.
            Err(FoldError::Stale { .. }) => {
                return *self = Self { done: self.done, documents: Documents::new(SHARD) };
            }
            Err(error) => panic!("{error}"),
        };
        let writes = batch.auctions.len() + batch.others.len() + batch.sweeps.len();
        let crash = crashes && dice.random_bool(0.3);
        let writes = if crash { dice.random_range(0..=writes) } else { usize::MAX };
        if store.write(&batch, dice, writes) && !crash {
            self.done = end;
            self.documents.shrink(dice.random_range(0..60));
        } else {
            *self = Self::start(store);
        }
    }
}

/// Equal documents, or the first that differs.
fn assert_same(one: &Store, other: &Store, seed: u64) {
    for (key, document) in &one.documents {
        assert_eq!(Some(document), other.documents.get(key), "seed {seed}, {key:?}");
    }
    assert_eq!(one.documents.len(), other.documents.len(), "seed {seed}");
}

#[test]
fn any_cut_into_batches_comes_to_the_same_documents() {
    for seed in 0..150 * rounds() {
        let (history, mut dice) = (History::random(seed), ChaCha8Rng::seed_from_u64(seed));
        let mut store = Store::new();
        let mut projector = Projector::start(&store);
        while store.done() < history.log.len() {
            projector.step(&history, &mut store, &mut dice, false);
            let whole = at_once(&history, store.done(), &mut dice);
            assert_same(&whole, &store, seed);
        }
    }
}

#[test]
fn crashes_replays_and_several_projectors_at_once_change_nothing() {
    for seed in 0..300 * rounds() {
        let (history, mut dice) = (History::random(seed), ChaCha8Rng::seed_from_u64(seed));
        let mut store = Store::new();
        let mut projectors: Vec<_> = (0..3).map(|_| Projector::start(&store)).collect();
        let mut steps = 0;
        while store.done() < history.log.len() {
            let chosen = dice.random_range(0..projectors.len());
            projectors[chosen].step(&history, &mut store, &mut dice, true);
            if dice.random_bool(0.02) {
                // From the start again, as one that lost its place.
                projectors[chosen] = Projector { done: 0, documents: Documents::new(SHARD) };
            }
            steps += 1;
            assert!(steps < 100_000, "seed {seed}: no end in sight");
        }
        let whole = at_once(&history, history.log.len(), &mut dice);
        assert_same(&whole, &store, seed);
        // Those that are behind catch up with what is there already.
        for mut projector in projectors {
            while projector.done < history.log.len() {
                projector.step(&history, &mut store, &mut dice, false);
            }
        }
        assert_same(&whole, &store, seed);
    }
}

#[test]
fn documents_are_those_of_the_oracle_and_say_what_the_engine_says() {
    let (mut kinds, mut states) = (BTreeSet::new(), BTreeSet::new());
    for seed in 0..300 * rounds() {
        let (history, mut dice) = (History::random(seed), ChaCha8Rng::seed_from_u64(seed));
        let records = dice.random_range(1..=history.log.len());
        let store = at_once(&history, records, &mut dice);
        let wanted = oracle::documents(&history.log[..records]);
        for (key, document) in &wanted {
            assert_eq!(store.documents.get(key), Some(document), "seed {seed}, {key:?}");
        }
        assert_eq!(wanted.len(), store.documents.len(), "seed {seed}");
        let events: Vec<&Event> = history.log[..records].iter().filter_map(|it| it.event.as_ref()).collect();
        kinds.extend(events.iter().map(|event| event.kind.name()));
        states.extend(oracle::states(&events));
    }
    assert_eq!(kinds.len(), 17, "the rounds prove too little: {kinds:?}");
    let all = [State::Scheduled, State::Open, State::Awarded, State::Offered, State::Closed, State::Unsold];
    assert!(all.iter().chain([&State::Cancelled]).all(|state| states.contains(state)), "{states:?}");
}

#[test]
fn records_that_are_missing_are_noticed() {
    let history = History::random(1);
    let read = |which| Events::read(&history.records(which)).unwrap();
    let mut documents = Documents::new(SHARD);
    let events = read(1..history.log.len());
    load(&Store::new(), &events, &mut documents);
    assert!(matches!(fold(&events, &mut documents, Scope::Whole), Err(FoldError::Unopened { .. })));
    let mut documents = Documents::new(SHARD);
    batch(&history, 0..1, &mut documents);
    let error = fold(&read(8..history.log.len()), &mut documents, Scope::Whole);
    assert!(matches!(error, Err(FoldError::Gap { known: 1, .. } | FoldError::Unopened { .. })), "{error:?}");
}
