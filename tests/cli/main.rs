//! The whole program against the simulator, on real HTTP. The simulator's ledger is the oracle:
//! what the results say must agree with it.

mod answers;
mod bad_input;
mod check;
mod disk;
mod documents;
mod endings;
mod engines;
mod guards;
mod interop;
mod kills;
mod limits;
mod lists;
mod locks;
mod logs;
mod lookups;
mod meddling;
mod merge;
mod metrics;
mod outages;
mod outcomes;
mod ping;
mod plan;
mod private;
mod promises;
#[cfg(feature = "shared-limit")]
mod rate_store;
mod report;
mod running;
mod secrets;
mod shards;
mod shell;
mod sign_in;
mod signals;
mod soak;
mod sources;
mod terminal;
mod tls;
mod verify;
mod world;
