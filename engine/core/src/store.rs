//! Containers for what an auction remembers: small when it is small, and without a pause when it grows large.

pub(crate) mod packed;
pub(crate) mod segmented;
pub(crate) mod split_table;

pub(crate) use packed::Packed;
pub(crate) use segmented::Segmented;
pub use split_table::SplitTable;
