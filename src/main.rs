//! bulk-unlock.
fn main() {}
