//! The command line as a person sees it: both streams and the exit code,
//! reviewed as text.
#![cfg(all(target_os = "linux", feature = "cli"))]
#![expect(clippy::unwrap_used, reason = "what does not work in a test fails it")]

mod about;
#[path = "../support/apart.rs"]
mod apart;
mod blocks;
mod config;
mod directories;
mod docs;
mod doctor;
mod dying;
mod ends;
mod env;
mod inherited;
mod init;
mod input;
mod leases;
mod live_list;
mod lives;
mod machine;
mod manifests;
mod names;
mod ports;
mod portserver;
#[path = "../support/server.rs"]
mod server;
mod stop;
mod strangers;
#[path = "../support/mod.rs"]
mod support;
mod token;
mod watch;

use support::{Home, Ran};

/// Runs a command and shows what came of it, with what differs from run to run
/// replaced by its name.
fn show(home: &Home, args: &[&str], names: &[(String, &str)]) -> String {
    let ran = home.run(args);
    let mut text = format!("$ portlease {}\n{}{}[exit {}]", args.join(" "), ran.stdout, ran.stderr, ran.code);
    for (value, name) in names {
        text = text.replace(value.as_str(), name);
    }
    text
}

fn port(home: &Home, args: &[&str]) -> u16 {
    home.run(args).port().unwrap()
}

fn fails(ran: &Ran, code: i32) {
    assert_eq!(ran.code, code, "{ran:?}");
    assert!(ran.stdout.is_empty(), "{ran:?}");
}
