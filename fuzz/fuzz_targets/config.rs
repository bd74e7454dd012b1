//! `config.toml`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portleased::config::{Layers, Overrides};

fuzz_target!(|text: &str| {
    if let Err(message) = Layers::of(text, &Overrides::default()) {
        assert!(!message.is_empty());
    }
});
