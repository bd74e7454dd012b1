//! `portlease.toml`: an error names a place and is no longer than it has to be.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use portlease::manifest::Manifest;

fuzz_target!(|text: &str| {
    match Manifest::parse(text, Path::new("portlease.toml")) {
        Ok(manifest) => {
            let again = Manifest::parse(text, Path::new("elsewhere.toml")).unwrap();
            assert_eq!(manifest, again);
        }
        Err(error) => assert!(error.to_string().contains("portlease.toml")),
    }
});
