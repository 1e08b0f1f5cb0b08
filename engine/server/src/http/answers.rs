//! Answers remembered by `Idempotency-Key`, for the requests whose ids the log does not keep: all but bids, purchases and openings.
//!
//! - Only what was carried out is remembered. What was refused is judged anew, as with bids.
//! - While the first request with a key is under way, others with it wait for its end.
//! - Bounded: [`ANSWERS_MAX`] answers, each for [`ANSWERS_S`] at the most, the oldest go first; and [`KEYED_REQUESTS_MAX`] requests
//!   under way. They live in memory: after a restart a retry is judged anew.

use super::limits::{ANSWERS_MAX, ANSWERS_S, KEYED_REQUESTS_MAX};
use foldhash::HashMap;
use gavel_core::Position;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// A digest of a key, or of what was asked with it.
pub(super) type Fingerprint = u128;

/// The remembered answers of the process.
#[derive(Default)]
pub(super) struct RememberedAnswers(Mutex<Remembered>);

#[derive(Default)]
struct Remembered {
    known: HashMap<Fingerprint, Known>,
    /// The keys of what is done, oldest first.
    by_age: VecDeque<(Instant, Fingerprint)>,
    under_way: usize,
}

struct Known {
    asked: Fingerprint,
    answer: State,
}

enum State {
    UnderWay(watch::Sender<()>),
    Done(Option<Position>),
}

/// What is known of a key.
pub(super) enum Entered<'a> {
    /// Nothing: the request is to be carried out.
    First(UnderWay<'a>),
    /// It was carried out, and this was the answer.
    Done(Option<Position>),
    /// It is being carried out; the receiver is closed when it is over, and the key can be entered again.
    Wait(watch::Receiver<()>),
    /// It was used for something else.
    Conflict,
    /// Too many requests with keys are under way.
    Full,
}

/// A key whose request is being carried out. Dropped without an answer, the key is as if it had never come.
pub(super) struct UnderWay<'a> {
    all: &'a RememberedAnswers,
    key: Fingerprint,
    done: bool,
}

impl RememberedAnswers {
    /// Looks a key up that comes with a request.
    pub(super) fn enter(&self, key: Fingerprint, asked: Fingerprint, now: Instant) -> Entered<'_> {
        let mut remembered = self.0.lock();
        remembered.forget_old(now);
        match remembered.known.get(&key) {
            Some(known) if known.asked != asked => return Entered::Conflict,
            Some(Known { answer: State::Done(position), .. }) => return Entered::Done(*position),
            Some(Known { answer: State::UnderWay(over), .. }) => return Entered::Wait(over.subscribe()),
            None if remembered.under_way >= KEYED_REQUESTS_MAX => return Entered::Full,
            None => {}
        }
        remembered.under_way += 1;
        remembered.known.insert(key, Known { asked, answer: State::UnderWay(watch::Sender::new(())) });
        Entered::First(UnderWay { all: self, key, done: false })
    }
}

impl Remembered {
    fn forget_old(&mut self, now: Instant) {
        while let Some((at, key)) = self.by_age.front().copied() {
            let is_old = now.saturating_duration_since(at) >= Duration::from_secs(ANSWERS_S);
            if !is_old && self.by_age.len() <= ANSWERS_MAX {
                break;
            }
            self.by_age.pop_front();
            self.known.remove(&key);
        }
    }
}

impl UnderWay<'_> {
    /// The request was carried out.
    pub(super) fn done(mut self, position: Option<Position>, now: Instant) {
        self.done = true;
        let mut remembered = self.all.0.lock();
        if let Some(known) = remembered.known.get_mut(&self.key) {
            // Who waits finds the answer: the channel closes as its sender is dropped, and they enter again.
            known.answer = State::Done(position);
        }
        remembered.by_age.push_back((now, self.key));
        remembered.forget_old(now);
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let mut remembered = self.all.0.lock();
        remembered.under_way -= 1;
        if !self.done {
            remembered.known.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gavel_core::{Epoch, Lsn, ShardId};

    fn position(lsn: u64) -> Option<Position> {
        Some(Position { shard: ShardId(0), epoch: Epoch(1), lsn: Lsn(lsn) })
    }

    fn carry_out(answers: &RememberedAnswers, key: u128, now: Instant) {
        let Entered::First(under_way) = answers.enter(key, key, now) else { panic!("{key} is known") };
        under_way.done(position(1), now);
    }

    #[test]
    fn the_first_answer_is_given_again_and_other_content_is_a_conflict() {
        let (answers, now) = (RememberedAnswers::default(), Instant::now());
        let Entered::First(under_way) = answers.enter(1, 10, now) else { panic!("nothing is known yet") };
        let Entered::Wait(over) = answers.enter(1, 10, now) else { panic!("the first is under way") };
        assert!(matches!(answers.enter(1, 11, now), Entered::Conflict));
        under_way.done(position(7), now);
        assert!(over.has_changed().is_err(), "who waits is woken");
        assert!(matches!(answers.enter(1, 10, now), Entered::Done(at) if at == position(7)));
        assert!(matches!(answers.enter(1, 11, now), Entered::Conflict));
    }

    #[test]
    fn what_was_not_carried_out_is_judged_anew() {
        let (answers, now) = (RememberedAnswers::default(), Instant::now());
        drop(answers.enter(1, 10, now));
        assert!(matches!(answers.enter(1, 11, now), Entered::First(_)));
    }

    #[test]
    fn answers_are_forgotten_by_age_and_by_number() {
        let (answers, now) = (RememberedAnswers::default(), Instant::now());
        carry_out(&answers, 1, now);
        let later = now + Duration::from_secs(ANSWERS_S);
        assert!(matches!(answers.enter(1, 1, later - Duration::from_secs(1)), Entered::Done(_)));
        assert!(matches!(answers.enter(1, 2, later), Entered::First(_)));
        (0..=ANSWERS_MAX as u128).for_each(|key| carry_out(&answers, key + 100, later));
        assert!(matches!(answers.enter(100, 2, later), Entered::First(_)), "the oldest is gone");
        assert!(matches!(answers.enter(101, 101, later), Entered::Done(_)));
    }

    #[test]
    fn requests_under_way_are_bounded() {
        let (answers, now) = (RememberedAnswers::default(), Instant::now());
        let mut all: Vec<_> =
            (0..KEYED_REQUESTS_MAX as u128).map(|key| answers.enter(key, key, now)).collect();
        assert!(matches!(answers.enter(1 << 70, 0, now), Entered::Full));
        all.pop();
        assert!(matches!(answers.enter(1 << 70, 0, now), Entered::First(_)));
    }
}
