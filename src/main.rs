//! The program `bulk-unlock`. All of it is in the library.

use std::process::ExitCode;

/// The system's keeps few blocks of a size at hand, and many requests under way at once need many.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    ExitCode::from(bulk_unlock::commands::main())
}
