//! The Cloud Administration API as this program uses it: its field names, what its answers mean,
//! and the one way to call it.
//!
//! Nothing here knows of sources, results or the screen.

mod classify;
mod client;
#[cfg(any(test, fuzzing))]
pub(crate) mod hostile;
mod lists;
mod retry_after;
mod session;
mod sign_in;
mod standing;
mod transport;
mod wire;

pub use classify::{Address, Verdict};
pub use client::{Api, ApiSettings, Halt, Try};
pub use lists::{ListError, Locked, Locking, Page};
