//! From what was typed, the environment and the configuration file to settings that are complete and
//! checked.
//!
//! The only reader of the environment. Flags come before the environment, the environment before the
//! profile, the profile before the file's top level, the file before the defaults.

mod connection;
mod environment;
mod error;
mod file;
mod given;
mod level;
mod options;
mod origin;
mod outputs;
mod pace;
mod said;
mod settings;
mod source;
#[cfg(test)]
mod tests;
mod values;

#[cfg(any(test, fuzzing))]
pub(crate) use file::hostile;

pub use connection::{Connection, resolve_connection};
pub use environment::Environment;
pub use error::ConfigError;
pub use given::{Given, GivenError};
pub use origin::Origin;
pub use outputs::{OutputSettings, PingSettings, resolve_ping};
pub use settings::{
    PaceSettings, PlanSettings, RunSettings, resolve_check, resolve_plan, resolve_run,
};
pub use source::ReadSettings;
