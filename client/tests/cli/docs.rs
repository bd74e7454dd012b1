//! What is checked in is what the program prints.

use std::{fs, path::Path};

use super::{fails, support::Home};

/// The file under `docs/`, which must be what `command` prints.
#[track_caller]
fn same(file: &str, args: &[&str]) {
    let home = Home::new(vec![env!("CARGO_BIN_EXE_portlease").into()], "");
    // Neither a daemon nor a home is needed.
    let output = home.command(args).env_remove("PORTLEASE_HOME").env("PORTLEASE_NO_AUTOSTART", "1").output();
    let ran = super::Ran::from(output.unwrap());
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(file);
    let checked_in = fs::read_to_string(path).unwrap_or_default();
    let differs = checked_in.lines().zip(ran.stdout.lines()).position(|(old, new)| old != new);
    assert!(
        checked_in == ran.stdout,
        "docs/{file} is not what the code says (from line {}); to write it anew: \
         cargo run -- {} > docs/{file}",
        differs.map_or(1, |line| line + 1),
        args.join(" ")
    );
}

#[test]
fn the_checked_in_description_is_that_of_the_code() {
    same("openapi.json", &["docs", "--openapi"]);
}

#[test]
fn the_checked_in_reference_is_that_of_the_code() {
    same("api.md", &["docs"]);
}

#[test]
fn a_format_that_there_is_not_is_usage() {
    let home = Home::new(vec![env!("CARGO_BIN_EXE_portlease").into()], "");
    fails(&home.run(&["docs", "--yaml"]), 2);
}
