//! What is written, as text; `tests/cli/env` lets the shells read it.

use super::*;

fn written(format: Format, value: &str) -> String {
    format.write(&[("A".to_owned(), value.to_owned())]).unwrap()
}

#[test]
fn each_format() {
    let value = "it's \\ $x";
    assert_eq!(written(Format::Shell, value), "export A='it'\\''s \\ $x'\n");
    assert_eq!(written(Format::Fish, value), "set -gx A 'it\\'s \\\\ $x'\ntrue\n");
    assert_eq!(written(Format::Json, value), "{\n  \"A\": \"it's \\\\ $x\"\n}\n");
    assert_eq!(Format::Json.write(&[]).as_deref(), Ok("{}\n"));
    let two = [("B".to_owned(), "1".to_owned()), ("A".to_owned(), "2".to_owned())];
    assert_eq!(Format::Shell.write(&two).as_deref(), Ok("export B='1'\nexport A='2'\n"));
}

/// There is no PowerShell in Debian, so its rules are followed as they are
/// written down.
#[test]
fn powershell_doubles_whatever_it_takes_for_a_quote() {
    for (value, quoted) in [
        ("a", "'a'"),
        ("", "''"),
        ("it's", "'it''s'"),
        (
            "\u{2018}\u{2019}\u{201a}\u{201b}",
            "'\u{2018}\u{2018}\u{2019}\u{2019}\u{201a}\u{201a}\u{201b}\u{201b}'",
        ),
        ("\u{201c}\"$x`n\n", "'\u{201c}\"$x`n\n'"),
    ] {
        assert_eq!(written(Format::Powershell, value), format!("$env:A = {quoted}\n"));
    }
}

#[test]
fn dotenv_takes_the_form_that_all_read_alike() {
    for (value, quoted) in [
        ("3000", "'3000'"),
        ("", "''"),
        ("$HOME `id` \"x\" a\\b #\n", "'$HOME `id` \"x\" a\\b #\n'"),
        ("it's #\n`x`", "\"it's #\n`x`\""),
        ("a\r\nb", "\"a\\r\nb\""),
        ("it's \"x\"", "it's \"x\""),
        ("a\\\\b\\", "a\\\\b\\"),
    ] {
        assert_eq!(written(Format::Dotenv, value), format!("A={quoted}\n"));
    }
    for (value, why) in [
        ("${HOME}", "it contains ${"),
        ("it's $x", "a quote and $"),
        ("it's \"x\" #", "both quotes"),
        ("'\"", "both quotes"),
        (" it's \"x\"", "both quotes"),
        ("a\\\\b #", "backslashes"),
        ("a\\\r", "backslashes"),
    ] {
        let error = Format::Dotenv.write(&[("A".to_owned(), value.to_owned())]).unwrap_err().to_string();
        assert!(error.contains(why) && error.starts_with("the value of A "), "{value}: {error}");
    }
}

#[test]
fn a_format_is_found_in_what_is_not_understood() {
    let guess = |line: &str| Format::guess(line.split(' ').map(str::to_owned));
    assert_eq!(guess("portlease env --format fish --writ"), Format::Fish);
    assert_eq!(guess("portlease env --format=json x"), Format::Json);
    assert_eq!(guess("portlease env --format cmd"), Format::Shell);
}
