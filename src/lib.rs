//! Unlocks many users' tokencodes through RSA's Cloud Administration API.
pub mod model;
pub mod event;
pub mod throttle;
pub mod shutdown;
pub mod retry;
pub mod http;
pub mod auth;
pub mod api;
pub mod source;
pub mod runner;
pub mod cli;
pub mod results;
pub mod stats;
pub mod report;
pub mod simulator;
