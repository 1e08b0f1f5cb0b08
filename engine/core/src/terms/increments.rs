//! Steps by price.
//!
//! Invariants of a table: 1 ..= [`INCREMENTS_MAX`] rows, the first from price 0, `from` strictly ascending, every step at
//! least one minor unit. So every price has exactly one step.

use super::defaults;
use crate::Amount;
use crate::limits::INCREMENTS_MAX;

/// From this price on, the next bid must be at least `step` higher.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IncrementStep {
    /// The price from which the step applies.
    pub from: Amount,
    /// The step, at least one minor unit.
    pub step: Amount,
}

/// A valid increment table: starts at price 0, ascending, every step at least 1.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Increments(Box<[IncrementStep]>);

impl Default for Increments {
    fn default() -> Self {
        Self(Box::new([IncrementStep { from: Amount::ZERO, step: defaults::STEP }]))
    }
}

impl Increments {
    /// Checks a table.
    ///
    /// # Errors
    /// What is wrong with it, and what is allowed, in words.
    pub fn new(rows: Vec<IncrementStep>) -> Result<Self, String> {
        if rows.is_empty() || rows.len() > INCREMENTS_MAX {
            return Err(format!("has {} rows; 1 to {INCREMENTS_MAX} are allowed", rows.len()));
        }
        if rows[0].from != Amount::ZERO {
            return Err(format!("starts from {}; the first row must be from 0", rows[0].from));
        }
        if let Some(row) = rows.iter().find(|row| row.step == Amount::ZERO) {
            return Err(format!("the step from {} is 0; it must be at least 1", row.from));
        }
        if let Some(pair) = rows.windows(2).find(|pair| pair[1].from <= pair[0].from) {
            return Err(format!("{} follows {}; prices must ascend", pair[1].from, pair[0].from));
        }
        Ok(Self(rows.into_boxed_slice()))
    }

    /// The rows, ascending.
    #[must_use]
    pub fn rows(&self) -> &[IncrementStep] {
        &self.0
    }

    /// The step in force at a price.
    #[must_use]
    pub fn step_at(&self, price: Amount) -> Amount {
        // At least the first row is from 0, so the subtraction never saturates.
        self.0[self.0.partition_point(|row| row.from <= price).saturating_sub(1)].step
    }

    /// The price one step higher; `None` where there is no such amount any more.
    #[must_use]
    pub fn above(&self, price: Amount) -> Option<Amount> {
        Amount::new(price.get() + self.step_at(price).get())
    }
}
