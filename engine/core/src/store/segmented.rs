//! A list that only grows, in segments that never move.
//!
//! ```text
//! first: 0 ..= 64 items, grown in small steps   rest[0]: 64   rest[1]: 128   …   rest[6]: 4096   rest[7]: 4096   …
//! ```
//!
//! A `Vec` of a million bids would stop the bidders while it copies itself to twice the size; here the longest pause is the
//! allocation of one segment, and the copying of the segment list (24 bytes per 4096 items). A short list wastes at most
//! two items of space.

/// Items in `first`, and in the first segment after it.
const FIRST: usize = 1 << FIRST_BITS;
const FIRST_BITS: u32 = 6;
/// Items in the largest segments.
const LARGEST: usize = 1 << LARGEST_BITS;
const LARGEST_BITS: u32 = 12;
/// Segments of `rest` that are smaller than or as large as `LARGEST` and reach up to item `2 * LARGEST`.
const GROWING: usize = (LARGEST_BITS - FIRST_BITS + 1) as usize;

/// A growing list of `T`.
#[derive(Clone, Debug)]
pub(crate) struct Segmented<T> {
    first: Vec<T>,
    #[expect(
        clippy::box_collection,
        reason = "short lists, of which there are millions, save 16 bytes each"
    )]
    rest: Option<Box<Vec<Vec<T>>>>,
}

impl<T> Default for Segmented<T> {
    fn default() -> Self {
        Self { first: Vec::new(), rest: None }
    }
}

/// Segment of `rest` and place in it, for an index of at least `FIRST`.
fn locate(index: usize) -> (usize, usize) {
    if index < 2 * LARGEST {
        let segment = (index.ilog2() - FIRST_BITS) as usize;
        (segment, index - (FIRST << segment))
    } else {
        let beyond = index - 2 * LARGEST;
        (GROWING + (beyond >> LARGEST_BITS), beyond & (LARGEST - 1))
    }
}

/// How many items a segment of `rest` holds.
fn capacity(segment: usize) -> usize {
    if segment < GROWING { FIRST << segment } else { LARGEST }
}

impl<T> Segmented<T> {
    /// An empty list whose first segment has room for so many items, or for as many as it holds at all.
    pub(crate) fn with_room(items: usize) -> Self {
        Self { first: Vec::with_capacity(items.min(FIRST)), rest: None }
    }

    /// Number of items.
    pub(crate) fn len(&self) -> usize {
        let Some(rest) = &self.rest else { return self.first.len() };
        let full: usize = match rest.len() {
            0 => FIRST,
            n if n <= GROWING => FIRST << (n - 1),
            n => 2 * LARGEST + (n - 1 - GROWING) * LARGEST,
        };
        full + rest.last().map_or(0, Vec::len)
    }

    /// The item at an index.
    pub(crate) fn get(&self, index: usize) -> Option<&T> {
        if index < FIRST {
            return self.first.get(index);
        }
        let (segment, place) = locate(index);
        self.rest.as_ref()?.get(segment)?.get(place)
    }

    /// The item at an index, to be changed.
    pub(crate) fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        if index < FIRST {
            return self.first.get_mut(index);
        }
        let (segment, place) = locate(index);
        self.rest.as_mut()?.get_mut(segment)?.get_mut(place)
    }

    /// The latest item.
    pub(crate) fn last(&self) -> Option<&T> {
        self.rest.as_ref().and_then(|rest| rest.last()).map_or(self.first.last(), |segment| segment.last())
    }

    /// Adds an item at the end.
    pub(crate) fn push(&mut self, item: T) {
        if self.first.len() < FIRST {
            if self.first.len() == self.first.capacity() {
                self.first.reserve_exact(self.step());
            }
            return self.first.push(item);
        }
        let rest = self.rest.get_or_insert_default();
        if rest.last().is_none_or(|segment| segment.len() == segment.capacity()) {
            rest.push(Vec::with_capacity(capacity(rest.len())));
        }
        if let Some(segment) = rest.last_mut() {
            segment.push(item);
        }
    }

    /// By how many items `first` grows: by two as long as it is short, then by half.
    fn step(&self) -> usize {
        let len = self.first.len();
        let wanted = if len < 12 { 2 } else { len / 2 };
        wanted.min(FIRST - len)
    }

    /// All items in order.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.first.iter().chain(self.rest.iter().flat_map(|rest| rest.iter().flatten()))
    }

    /// All items from an index on, in order. Finds the index without passing the items before it.
    pub(crate) fn iter_from(&self, from: usize) -> impl Iterator<Item = &T> {
        let (segment, place) = if from < FIRST { (0, 0) } else { locate(from) };
        let rest = self.rest.iter().flat_map(move |rest| {
            let (first, later) = rest.get(segment..).and_then(<[_]>::split_first).unzip();
            let first = first.and_then(|first| first.get(place..)).unwrap_or_default();
            first.iter().chain(later.into_iter().flatten().flatten())
        });
        self.first.get(from..).unwrap_or_default().iter().chain(rest)
    }

    /// All items in order, to be changed.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.first.iter_mut().chain(self.rest.iter_mut().flat_map(|rest| rest.iter_mut().flatten()))
    }

    /// The number of leading items for which `holds`; the items must be ordered by it, as for a slice.
    pub(crate) fn partition_point(&self, holds: impl Fn(&T) -> bool) -> usize {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low + (high - low) / 2;
            if self.get(middle).is_some_and(&holds) { low = middle + 1 } else { high = middle }
        }
        low
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_what_was_pushed_across_all_segment_sizes() {
        let mut list = Segmented::default();
        for n in 0..5 * LARGEST {
            assert_eq!((list.len(), list.last().copied()), (n, n.checked_sub(1)));
            list.push(n);
            assert_eq!(list.get(n), Some(&n));
            assert_eq!(list.get(n + 1), None);
        }
        assert!(list.iter().copied().eq(0..5 * LARGEST));
        assert!(list.iter().rev().copied().eq((0..5 * LARGEST).rev()));
        for n in [0, 1, 63, 64, 65, 127, 128, 4095, 4096, 8191, 8192, 8193, 20_000, 5 * LARGEST] {
            assert!(list.iter_from(n).copied().eq(n..5 * LARGEST));
        }
        for n in [0, 1, 63, 64, 65, 127, 128, 4095, 4096, 8191, 8192, 8193, 20_000] {
            assert_eq!(list.partition_point(|&item| item < n), n);
        }
        for n in [0, 1, 63, 64, 65, 127, 128, 4095, 4096, 8191, 8192, 8193, 20_000] {
            *list.get_mut(n).unwrap() += 1;
            assert_eq!(list.get(n), Some(&(n + 1)));
        }
    }

    #[test]
    fn a_list_with_room_grows_on_from_any_length() {
        for room in 0..2 * FIRST {
            let mut list = Segmented::with_room(room);
            (0..200).for_each(|n| list.push(n));
            assert!(list.iter().copied().eq(0..200) && list.first.capacity() == FIRST, "{room}");
        }
    }

    #[test]
    fn a_short_list_wastes_at_most_two_places_and_segments_never_move() {
        let mut list = Segmented::default();
        for n in 0..12 {
            list.push(n);
            assert!(list.first.capacity() <= list.first.len() + 2);
        }
        (12..FIRST).for_each(|n| list.push(n));
        assert_eq!(list.first.capacity(), FIRST);
        list.push(FIRST);
        let first = std::ptr::from_ref(list.get(FIRST).unwrap());
        (FIRST + 1..3 * LARGEST).for_each(|n| list.push(n));
        assert_eq!(first, std::ptr::from_ref(list.get(FIRST).unwrap()));
    }
}
