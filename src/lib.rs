//! Unlocks many users' tokencodes through RSA's Cloud Administration API, and records every
//! user's final lock flags.
//!
//! The line that the data takes:
//!
//! ```text
//! source ──Row──▶ select ──Row──▶ worker pool
//!                                   per Row: Target ▶ [throttle ▶ token ▶ send ▶ classify]* ▶ Outcome
//! report ◀───────── Event (one bounded channel) ◀────┘
//!   results.append(Record) · stats.apply(event) · terminal.show(stats)
//! ```
//!
//! Arrows go one way. Nobody downstream reaches back, but for [`shutdown`]. `docs/architecture.md`
//! says which room may use which, and why.

pub mod api;
pub mod auth;
pub mod budget;
pub mod cli;
pub mod commands;
pub mod config;
pub mod error;
pub mod event;
pub mod fingerprint;
pub mod health;
#[cfg(any(test, fuzzing))]
pub mod hostile;
pub mod http;
pub mod identity;
pub mod logging;
pub mod model;
pub mod ping;
pub mod private;
pub mod rate_store;
pub mod report;
pub mod results;
pub mod retry;
pub mod runner;
pub mod shard;
pub mod shutdown;
pub mod simulator;
pub mod source;
pub mod stats;
pub mod throttle;
