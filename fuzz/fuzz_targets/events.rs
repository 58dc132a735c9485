//! Fuzzes the reader of event streams as the SDK meets it: a server sends whatever it likes, cut wherever it likes.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| siegel_client::events::stream::check(bytes));
