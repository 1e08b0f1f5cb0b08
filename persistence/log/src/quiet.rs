//! Keeps the storage engine's panics off the screen and out of our threads: sled panics on some kinds of damage, and on its
//! own threads too. What it would have printed becomes part of the error instead.
//!
//! The process has one panic hook, so this puts its own before whatever hook there is, once; panics that are not the
//! engine's go on to the hook that was there.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, set_hook, take_hook};
use std::sync::{Mutex, Once, PoisonError};

static HOOK: Once = Once::new();
/// The latest panic of the engine, in words.
static LATEST: Mutex<String> = Mutex::new(String::new());

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Runs what calls the engine. A panic inside comes back as an error that says what it said and where.
pub(crate) fn quietly<T>(call: impl FnOnce() -> T) -> Result<T, String> {
    HOOK.call_once(install);
    let before = QUIET.replace(true);
    // Nothing of ours is left half done by a panic: callers poison the log on any error.
    let result = catch_unwind(AssertUnwindSafe(call));
    QUIET.set(before);
    result.map_err(|_| std::mem::take(&mut *LATEST.lock().unwrap_or_else(PoisonError::into_inner)))
}

fn install() {
    let outer = take_hook();
    set_hook(Box::new(move |panic| {
        if QUIET.get() || is_engine_thread() {
            *LATEST.lock().unwrap_or_else(PoisonError::into_inner) = words(panic);
        } else {
            outer(panic);
        }
    }));
}

/// sled names its threads after itself.
fn is_engine_thread() -> bool {
    std::thread::current()
        .name()
        .is_some_and(|name| name.starts_with("sled") || name.starts_with("log flusher"))
}

fn words(panic: &PanicHookInfo<'_>) -> String {
    let said = panic.payload_as_str().unwrap_or("a panic without words");
    match panic.location() {
        Some(place) => format!("{said} (at {}:{})", file_name(place.file()), place.line()),
        None => said.to_owned(),
    }
}

/// The file without the directories of the machine it was built on.
fn file_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}
