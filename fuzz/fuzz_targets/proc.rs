//! Files of /proc and /etc/services.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| portleased::fuzzing::proc_file(text));
