//! Fuzzes the decoders of all JSON bodies of the API: whatever comes in, it answers, and never panics.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| siegel_vectors::decoders::check("api", bytes));
