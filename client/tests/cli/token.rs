//! `portlease token`, and what it is good for.

use std::{
    fs::{self, Permissions},
    io::Write,
    os::unix::fs::PermissionsExt,
    process::{Command, Stdio},
};

use super::{
    apart::{Apart, home_apart},
    fails,
};

/// A home whose daemon asks for the token over TCP.
fn home_with_token() -> Apart {
    let home = home_apart();
    let path = home.dir().join("config.toml");
    let config = fs::read_to_string(&path).unwrap();
    fs::File::create(path).unwrap().write_all(format!("auth = \"token\"\n{config}").as_bytes()).unwrap();
    home
}

#[test]
fn it_is_alone_on_standard_output() {
    let home = home_apart();
    // It starts the daemon that makes it.
    let ran = home.run(&["token"]);
    let token = ran.stdout.strip_suffix('\n').unwrap();
    assert!(ran.code == 0 && token.len() == 64 && ran.stderr.is_empty(), "{ran:?}");
    let json = home.run(&["token", "--json"]).json();
    let path = home.dir().join("run/token");
    assert_eq!(json, serde_json::json!({ "token": token, "path": path.to_str().unwrap() }));
    assert_eq!(fs::read_to_string(path).unwrap(), ran.stdout);
}

#[test]
fn status_says_whether_it_is_needed() {
    for (home, auth, needed) in [(home_apart(), "user", false), (home_with_token(), "token", true)] {
        home.run(&["get", "app"]).port().unwrap();
        assert_eq!(home.run(&["status", "--json"]).json()["endpoint"]["auth"], auth);
        let status = home.run(&["status"]).stdout;
        assert_eq!(status.contains("with the token: portlease token"), needed, "{status}");
    }
}

/// The example of the help text, word for word but for the port.
#[test]
#[ignore = "needs curl: .ci/run runs it"]
fn the_example_works() {
    let home = home_with_token();
    let port = home.run(&["get", "app"]).port().unwrap();
    let url = home.run(&["status", "--json"]).json()["endpoint"]["url"].as_str().unwrap().to_owned();
    let help = home.run(&["token", "--help"]).stdout;
    let script: Vec<&str> = help.lines().skip_while(|line| !line.contains("TOKEN=")).take(3).collect();
    let script = script.join("\n").replace("http://127.0.0.1:62893", &url);
    let script = script.replace("portlease token", &format!("{} token", env!("CARGO_BIN_EXE_portlease")));
    assert!(script.contains("curl -H @- http://127.0.0.1:"), "{help}");
    let shell = |script: &str| {
        let mut command = Command::new("sh");
        let output = command.args(["-c", script]).env("PORTLEASE_HOME", home.dir()).stderr(Stdio::null());
        String::from_utf8(output.output().unwrap().stdout).unwrap()
    };
    let list: serde_json::Value = serde_json::from_str(&shell(&script)).unwrap();
    assert_eq!(list["leases"][0]["port"], port);
    assert!(shell(&format!("curl {url}/v1/leases")).contains("\"token_required\""));
}

#[test]
fn a_file_that_others_can_read_is_no_token() {
    let home = home_apart();
    home.run(&["get", "app"]).port().unwrap();
    // Its daemon is gone, and the next one makes another.
    let before = home.run(&["token"]).stdout;
    home.kill(rustix::process::Signal::KILL);
    fs::set_permissions(home.dir().join("run/token"), Permissions::from_mode(0o644)).unwrap();
    let after = home.run(&["token"]);
    assert!(after.code == 0 && after.stdout.len() == 65 && after.stdout != before, "{after:?}");
}

#[test]
fn without_leave_to_start_a_daemon() {
    let home = home_apart();
    let output = home.command(&["token"]).env("PORTLEASE_NO_AUTOSTART", "1").output().unwrap();
    fails(&super::Ran::from(output), 69);
}
