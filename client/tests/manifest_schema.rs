//! `docs/portlease.schema.json`, by which editors judge a manifest, against the
//! parser, by which we do.
#![expect(clippy::unwrap_used, reason = "what does not work in a test fails it")]

use std::path::Path;

use jsonschema::Validator;
use portlease::manifest::Manifest;

const SCHEMA: &str = include_str!("../../docs/portlease.schema.json");

fn validator() -> Validator {
    jsonschema::validator_for(&serde_json::from_str(SCHEMA).unwrap()).unwrap()
}

/// What the schema says of TOML, as an editor asks it: the same values as JSON.
fn allowed(validator: &Validator, text: &str) -> bool {
    let table: toml::Table = toml::from_str(text).unwrap();
    validator.is_valid(&serde_json::to_value(table).unwrap())
}

fn accepted(text: &str) -> bool {
    Manifest::parse(text, Path::new("portlease.toml")).is_ok()
}

#[test]
fn it_is_a_schema_of_its_draft() {
    assert!(jsonschema::meta::is_valid(&serde_json::from_str(SCHEMA).unwrap()));
}

#[test]
fn it_allows_what_is_accepted() {
    let validator = validator();
    for text in [
        "",
        "project = \"myapp\"",
        "project = \"a.b_c-d\"\n[services]\n[env]",
        "[services.web]",
        "[services.web]\nprefer = 3000\nenv = \"PORT\"\nprotocol = \"udp\"",
        "[services.web]\nprefer = []\nprotocol = \"both\"",
        "[services.web]\nrange = \"4000-4099\"\nhold = true",
        "[services.web]\nrange = \"1-65535\"\nhold = true\nprotocol = \"both\"",
        "[services.web]\nrange = \" 080 - 080\"\nhold = false\nprotocol = \"udp\"",
        "[services.db]\nprefer = [5432, 65535]\nenv = \"_PG1\"\nprotocol = \"tcp\"",
        "[services.db]\n[env]\nURL = \"postgres://localhost:{db}/é\"\nJSON = \"{{\\\"a\\\": {db}}}\"\nE = \"\"",
        "[env]\nURL = \"a\\nb:{default}\"",
    ] {
        assert!(accepted(text), "{text}");
        assert!(allowed(&validator, text), "{text}");
    }
}

#[test]
fn it_forbids_what_is_refused() {
    let validator = validator();
    let many = format!("[services.web]\nprefer = {:?}", [3000; 33]);
    let long = format!("project = \"{}\"", "a".repeat(64));
    for text in [
        "projct = \"a\"",
        "project = 3",
        "project = \"\"",
        "project = \"-\"",
        "project = \"a@b\"",
        "project = \"a b\"",
        &long,
        "services = 3",
        "services = []",
        "[services.\"we b\"]",
        "[services.web]\nprefr = 1",
        "[services.web]\nprefer = 0",
        "[services.web]\nprefer = 65536",
        "[services.web]\nprefer = -1",
        "[services.web]\nprefer = 1.5",
        "[services.web]\nprefer = \"3000\"",
        "[services.web]\nprefer = [3000, \"x\"]",
        &many,
        "[services.web]\nprotocol = \"TCP\"",
        "[services.web]\nprotocol = 6",
        "[services.web]\nrange = \"4000\"",
        "[services.web]\nrange = \"0-4000\"",
        "[services.web]\nrange = \"4000-65536\"",
        "[services.web]\nrange = \"a4000-4001b\"",
        "[services.web]\nrange = 4000",
        "[services.web]\nrange = [4000, 4001]",
        "[services.web]\nhold = \"yes\"",
        "[services.web]\nhold = true\nprotocol = \"udp\"",
        "[services.web]\nenv = \"1A\"",
        "[services.web]\nenv = \"\"",
        "[services.web]\nenv = [\"A\"]",
        "[env]\nA-B = \"x\"",
        "[env]\nA = 3",
        "[env]\nA = \"\\u0000\"",
        "[env]\nA = \"{\"",
        "[env]\nA = \"a } b\"",
        "[env]\nA = \"{a b}\"",
        "[env]\nA = \"{}\"",
        "env = \"A\"",
    ] {
        assert!(!accepted(text), "{text}");
        assert!(!allowed(&validator, text), "{text}");
    }
}

/// What no schema of this kind can say.
#[test]
fn it_cannot_compare_one_key_with_another() {
    let validator = validator();
    for text in [
        "[services.a]\nenv = \"P\"\n[services.b]\nenv = \"P\"",
        "[services.a]\nenv = \"P\"\n[env]\nP = \"\"",
        "[services.web]\n[env]\nA = \"{db}\"",
        "[services.web]\nrange = \"4001-4000\"",
    ] {
        assert!(!accepted(text), "{text}");
        assert!(allowed(&validator, text), "{text}");
    }
}
