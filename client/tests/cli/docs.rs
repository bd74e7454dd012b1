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
fn the_checked_in_settings_are_those_of_the_code() {
    same("config.md", &["docs", "--config"]);
}

/// Whoever reads another variable has to say so in the reference.
#[test]
fn every_variable_that_is_read_is_told() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let reference = fs::read_to_string(root.join("docs/config.md")).unwrap();
    let mut files: Vec<_> = ["client/src", "daemon/src", "local/src"].map(|dir| root.join(dir)).into();
    let mut seen = 0;
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let text = fs::read_to_string(&path).unwrap_or_default();
        for call in ["var(\"", "var_os(\""] {
            for (_, rest) in text.match_indices(call).map(|(at, _)| text[at..].split_at(call.len())) {
                let name = rest.split('"').next().unwrap();
                seen += usize::from(name.starts_with("PORTLEASE_"));
                assert!(
                    !name.starts_with("PORTLEASE_") || reference.contains(&format!("`{name}`")),
                    "{name} of {} is not in docs/config.md",
                    path.display()
                );
            }
        }
    }
    assert!(seen >= 4, "{seen}");
}

#[test]
fn a_format_that_there_is_not_is_usage() {
    let home = Home::new(vec![env!("CARGO_BIN_EXE_portlease").into()], "");
    fails(&home.run(&["docs", "--yaml"]), 2);
}
