//! The program `bulk-unlock`. All of it is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(bulk_unlock::commands::main())
}
