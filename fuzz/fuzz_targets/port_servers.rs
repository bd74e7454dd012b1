//! Requests of portpicker's and gRPC's clients.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portleased::fuzzing;

fuzz_target!(|data: &[u8]| {
    if let Some(pid) = fuzzing::port_server_request(data) {
        let text = String::from_utf8_lossy(data);
        let number = text.trim_matches(|c: char| c.is_ascii_whitespace() || c == '\x0b');
        assert_eq!(number.strip_prefix('+').unwrap_or(number).parse(), Ok(pid), "{text:?}");
    }
    if let Some(port) = std::str::from_utf8(data).ok().and_then(fuzzing::port_of) {
        assert_ne!(port.get(), 0);
    }
});
