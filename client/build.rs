//! Which commit a program that is given away was built from, for `--version`.
//! Builds for development name none: they would be made anew at each commit.

use std::{env, fs, path::Path, process::Command};

/// What becomes part of the program: only a change in these makes it another
/// one than the commit's.
const SOURCES: [&str; 9] =
    ["client", "daemon", "local", "proto", "systemd", "launchd", "docs/topics", "Cargo.toml", "Cargo.lock"];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // The library has no command line to ask.
    if env::var_os("CARGO_FEATURE_CLI").is_none() {
        return;
    }
    println!("cargo::rerun-if-env-changed=PORTLEASE_COMMIT");
    let of = match env::var("PROFILE").as_deref() {
        Ok("release") => commit().map(|commit| format!(" (commit {commit})")),
        _ => Some(" (development build)".to_owned()),
    };
    let version = env::var("CARGO_PKG_VERSION").unwrap_or_default();
    println!("cargo::rustc-env=PORTLEASE_VERSION={version}{}", of.unwrap_or_default());
}

/// From whoever packages it, from the file that `cargo package` puts beside
/// this one, or from git; none if nobody knows.
fn commit() -> Option<String> {
    let told = env::var("PORTLEASE_COMMIT").ok().filter(|commit| is_commit(commit));
    told.map(|commit| short(&commit).to_owned()).or_else(packaged).or_else(checked_out)
}

fn is_commit(text: &str) -> bool {
    text.len() >= 7 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn short(commit: &str) -> &str {
    commit.get(..12).unwrap_or(commit)
}

fn named(commit: &str, dirty: bool) -> String {
    format!("{}{}", short(commit), if dirty { ", modified" } else { "" })
}

/// `{"git": {"sha1": "…", "dirty": true}, …}`
fn packaged() -> Option<String> {
    let text = fs::read_to_string(".cargo_vcs_info.json").ok()?;
    let (_, rest) = text.split_once("\"sha1\"")?;
    let commit = rest.split('"').nth(1).filter(|commit| is_commit(commit))?;
    let dirty: String = rest.split_once("\"dirty\"").map(|(_, rest)| rest.chars().take(8).collect())?;
    Some(named(commit, dirty.contains("true")))
}

/// Only of portlease's own repository: this crate may lie in somebody else's.
fn checked_out() -> Option<String> {
    let top = git(&["rev-parse", "--show-toplevel"])?;
    let ours = fs::canonicalize("..").ok()?;
    if fs::canonicalize(top).ok()? != ours || git(&["ls-files", "--error-unmatch", "build.rs"]).is_none() {
        return None;
    }
    let commit = git(&["rev-parse", "HEAD"]).filter(|commit| is_commit(commit))?;
    let sources = SOURCES.map(|source| format!(":/{source}"));
    let mut status = vec!["status", "--porcelain", "--untracked-files=no", "--"];
    status.extend(sources.iter().map(String::as_str));
    let dirty = !git(&status)?.is_empty();
    // A new commit, another branch, a change that is or is not committed.
    for file in ["HEAD", "logs/HEAD", "index", "packed-refs"] {
        if let Some(path) = git(&["rev-parse", "--git-path", file]) {
            watch(Path::new(&path));
        }
    }
    for source in SOURCES {
        watch(&ours.join(source));
    }
    Some(named(&commit, dirty))
}

/// One that is not there would count as changed each time.
fn watch(path: &Path) {
    if path.exists() {
        println!("cargo::rerun-if-changed={}", path.display());
    }
}

/// What git says here, whatever its variables say of another place.
fn git(args: &[&str]) -> Option<String> {
    let mut git = Command::new("git");
    git.args(args).env_remove("GIT_DIR").env_remove("GIT_WORK_TREE").env_remove("GIT_INDEX_FILE");
    // To look changes nothing, the index included, which is watched.
    let output = git.env("GIT_OPTIONAL_LOCKS", "0").output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
