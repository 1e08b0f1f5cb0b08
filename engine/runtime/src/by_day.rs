//! What there is for each auction of a shard, found by the auction's id: dense tables, one for each day.
//!
//! Sequences have no gaps, so a table is little more than what is in it. What leaves it leaves eight bytes; a day whose last
//! has left is forgotten whole, once there is a later one (until then more of its auctions may come).

use gavel_core::AuctionId;

/// The auctions of one shard, by day and sequence.
#[derive(Debug)]
pub(crate) struct ByDay<T> {
    /// Ascending by day.
    days: Vec<Day<T>>,
    len: usize,
}

#[derive(Debug)]
struct Day<T> {
    day: u16,
    /// How many are there.
    len: usize,
    /// By sequence from 1.
    slots: Vec<Option<T>>,
}

/// A place among the auctions of a shard, in the order of their ids. The default is before all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    day: u16,
    slot: usize,
}

impl Place {
    /// Right behind an auction.
    pub(crate) fn after(id: AuctionId) -> Self {
        Self { day: id.day(), slot: slot(id) + 1 }
    }
}

impl<T> Default for ByDay<T> {
    fn default() -> Self {
        Self { days: Vec::new(), len: 0 }
    }
}

fn slot(id: AuctionId) -> usize {
    // Sequences count from 1 and have 27 bits.
    usize::try_from(id.sequence()).unwrap_or(usize::MAX).wrapping_sub(1)
}

impl<T> ByDay<T> {
    fn find(&self, day: u16) -> Result<usize, usize> {
        self.days.binary_search_by_key(&day, |known| known.day)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// What there is for an auction.
    pub(crate) fn get(&self, id: AuctionId) -> Option<&T> {
        let at = self.find(id.day()).ok()?;
        self.days[at].slots.get(slot(id))?.as_ref()
    }

    /// As [`ByDay::get`], to change it.
    pub(crate) fn get_mut(&mut self, id: AuctionId) -> Option<&mut T> {
        let at = self.find(id.day()).ok()?;
        self.days[at].slots.get_mut(slot(id))?.as_mut()
    }

    fn day_mut(&mut self, day: u16) -> &mut Day<T> {
        let at = self.find(day).unwrap_or_else(|at| {
            self.days.insert(at, Day { day, len: 0, slots: Vec::new() });
            at
        });
        &mut self.days[at]
    }

    /// Makes room for the auctions of a day up to this sequence.
    pub(crate) fn reserve(&mut self, day: u16, last: u64) {
        let slots = &mut self.day_mut(day).slots;
        slots.reserve_exact(usize::try_from(last).unwrap_or(0).saturating_sub(slots.len()));
    }

    /// Puts something in for an auction.
    pub(crate) fn insert(&mut self, id: AuctionId, value: T) {
        let (day, slot) = (self.day_mut(id.day()), slot(id));
        if day.slots.len() <= slot {
            day.slots.resize_with(slot + 1, || None);
        }
        let is_new = day.slots[slot].replace(value).is_none();
        day.len += usize::from(is_new);
        self.len += usize::from(is_new);
        self.forget_empty_days();
    }

    /// Takes out what there is for an auction.
    pub(crate) fn remove(&mut self, id: AuctionId) -> Option<T> {
        let at = self.find(id.day()).ok()?;
        let day = &mut self.days[at];
        let value = day.slots.get_mut(slot(id))?.take()?;
        day.len -= 1;
        self.len -= 1;
        self.forget_empty_days();
        Some(value)
    }

    /// Forgets what is before the latest day and empty. Looks at the first days only, as those empty first as a rule.
    fn forget_empty_days(&mut self) {
        if let [first, _, ..] = &self.days[..]
            && first.len == 0
        {
            self.days.retain({
                let mut left = self.days.len();
                move |day| {
                    left -= 1;
                    day.len > 0 || left == 0
                }
            });
        }
    }

    /// All of them, in the order of their ids.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.days.iter().flat_map(|day| day.slots.iter().flatten())
    }

    /// The first at this place or behind it, and the place behind that. Looks at no more than `slots_max` places; where there is
    /// none among them, `Err` with the place to go on at, or with none at the end.
    pub(crate) fn next_from(&self, place: Place, slots_max: usize) -> Result<(&T, Place), Option<Place>> {
        let at = self.days.partition_point(|day| day.day < place.day);
        let Some(day) = self.days.get(at) else { return Err(None) };
        let from = if day.day == place.day { place.slot } else { 0 };
        let slots = day.slots.get(from..).unwrap_or_default();
        match slots.iter().take(slots_max).position(Option::is_some) {
            Some(distance) => {
                let slot = from + distance;
                // There is something: that was just looked for.
                day.slots[slot]
                    .as_ref()
                    .map(|value| (value, Place { day: day.day, slot: slot + 1 }))
                    .ok_or(None)
            }
            None if slots.len() > slots_max => Err(Some(Place { day: day.day, slot: from + slots_max })),
            None => Err(self.days.get(at + 1).map(|next| Place { day: next.day, slot: 0 })),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gavel_core::ShardId;

    fn id(day: u16, sequence: u64) -> AuctionId {
        AuctionId::new(day, ShardId(1), sequence).unwrap()
    }

    /// All of them, looking at so many places at a time.
    fn walk(table: &ByDay<AuctionId>, slots_max: usize) -> Vec<AuctionId> {
        let (mut place, mut all) = (Place::default(), Vec::new());
        loop {
            match table.next_from(place, slots_max) {
                Ok((found, next)) => {
                    all.push(*found);
                    place = next;
                }
                Err(Some(next)) => place = next,
                Err(None) => return all,
            }
        }
    }

    #[test]
    fn what_was_put_in_is_found_until_it_is_taken_out() {
        let mut table = ByDay::default();
        let all: Vec<AuctionId> =
            [3, 5, 9].into_iter().flat_map(|day| (1..=50).map(move |n| id(day, n))).collect();
        all.iter().rev().for_each(|&id| table.insert(id, id));
        assert_eq!(table.len(), 150);
        assert!(table.iter().copied().eq(all.iter().copied()));
        for slots_max in [1, 7, 1_000] {
            assert_eq!(walk(&table, slots_max), all);
        }
        for &id in all.iter().filter(|id| id.sequence() % 7 != 0) {
            assert_eq!((table.get(id).copied(), table.get_mut(id).copied()), (Some(id), Some(id)));
            assert_eq!((table.remove(id), table.remove(id)), (Some(id), None));
            assert_eq!(table.get(id), None);
        }
        let left: Vec<AuctionId> = all.into_iter().filter(|id| id.sequence() % 7 == 0).collect();
        assert_eq!((table.len(), walk(&table, 3)), (left.len(), left));
    }

    #[test]
    fn empty_days_are_forgotten_but_for_the_latest() {
        let mut table = ByDay::default();
        for day in [3, 5, 9] {
            (1..=5).for_each(|n| table.insert(id(day, n), id(day, n)));
        }
        (1..=5).for_each(|n| assert!(table.remove(id(5, n)).is_some()));
        (1..=5).for_each(|n| assert!(table.remove(id(3, n)).is_some()));
        assert_eq!(table.days.iter().map(|day| day.day).collect::<Vec<_>>(), [9]);
        (1..=5).for_each(|n| assert!(table.remove(id(9, n)).is_some()));
        assert_eq!((table.len(), table.days.len()), (0, 1), "more of the latest day may come");
        table.insert(id(10, 1), id(10, 1));
        assert_eq!(table.days.iter().map(|day| day.day).collect::<Vec<_>>(), [10]);
    }
}
