//! Fuzzes the reader of messages at Kafka: whoever may write to a topic sends whatever it likes.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| siegel_platform::log::check_message(bytes));
