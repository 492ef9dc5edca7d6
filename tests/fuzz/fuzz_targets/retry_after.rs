#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| bulk_unlock::hostile::retry_after(bytes));
