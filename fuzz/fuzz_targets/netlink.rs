//! Datagrams of sock_diag.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| portleased::fuzzing::datagram(data));
