//! What the benches share: a server to drive, the raw disk beside it, the engine in process, the rules alone, the
//! table of aims, and the comparison with others.

pub mod aims;
pub mod compare;
pub mod disk;
pub mod error;
pub mod growth;
pub mod history;
pub mod in_process;
pub mod machine;
pub mod output;
pub mod postgres;
pub mod rules;
pub mod server;
pub mod spread;
