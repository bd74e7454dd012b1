//! Names, ports, ranges and times: what is one is written as it was read, or
//! reads as the same again.
#![no_main]

use std::{fmt::Debug, fmt::Display, str::FromStr};

use libfuzzer_sys::fuzz_target;
use portlease_proto as proto;

fn again<T: FromStr + Display + PartialEq + Debug>(text: &str) {
    if let Ok(value) = text.parse::<T>() {
        assert_eq!(value.to_string().parse::<T>().ok().as_ref(), Some(&value));
    }
}

fn is_tame(name: &str) -> bool {
    name.len() <= 128 && name.bytes().all(|byte| byte.is_ascii_graphic())
}

fuzz_target!(|text: &str| {
    again::<proto::ProjectName>(text);
    again::<proto::ServiceName>(text);
    again::<proto::Port>(text);
    again::<proto::PortRange>(text);
    again::<proto::Protocol>(text);
    if let Ok(name) = text.parse::<proto::ProjectName>() {
        assert!(is_tame(name.as_str()), "{name}");
    }
    if let Ok(name) = text.parse::<proto::ServiceName>() {
        assert!(is_tame(name.as_str()), "{name}");
    }
    let _ttl = text.parse::<proto::Ttl>();
    let shown = proto::escape(text).to_string();
    assert!(!shown.chars().any(char::is_control), "{shown:?}");
});
