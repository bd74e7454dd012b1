//! Ports of other users and other addresses, and a machine full of listeners.
#![cfg(all(target_os = "linux", feature = "cli"))]
#![expect(clippy::unwrap_used, reason = "what does not work in a test fails it")]

#[path = "support/listener.rs"]
mod listener;
#[path = "support/netns.rs"]
mod netns;
mod support;
#[path = "support/users.rs"]
mod users;

use std::{
    net::{Ipv4Addr, TcpListener},
    time::Duration,
};

use portleased::clock::{Clock, SystemClock};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::{Value, json};

use netns::{in_new_netns, ip};
use support::Home;
use users::Programs;

const ADA: u32 = 64_101;
const EVE: u32 = 64_102;
const PORT: u16 = 3000;

fn home_of_root() -> Home {
    Home::new(vec![env!("CARGO_BIN_EXE_portlease").into()], "")
}

#[test]
#[ignore = "needs root: .ci/run runs it"]
fn another_users_process_is_shown_as_far_as_the_kernel_allows() {
    in_new_netns(|| {
        let programs = Programs::new();
        let _eves = listener::of(&programs, EVE, PORT);

        let ada = programs.home_of(ADA, "");
        let report = ada.run(&["who", "3000", "--json"]).json();
        assert_eq!((&report["free"], &report["reason"]), (&json!(false), &json!("in_use")), "{report}");
        let holder = &report["holders"][0];
        assert_eq!((&holder["pid"], &holder["user"]), (&Value::Null, &json!(EVE.to_string())), "{report}");
        let remark = "only root may see which process it is: sudo ss -lpn 'sport = :3000'";
        assert_eq!(holder["remarks"], json!([remark]));
        assert!(ada.run(&["who", "3000"]).stdout.contains(remark));
        assert_eq!(ada.run(&["ports", "--json"]).json()["ports"][0]["holder"]["user"], EVE.to_string());
        let stop = ada.run(&["stop", "3000", "--yes"]);
        assert_eq!(stop.code, 1, "{stop:?}");
        assert!(
            stop.stderr.contains("cannot be seen (user 64102)") && stop.stderr.contains("sudo"),
            "{stop:?}"
        );

        let root = home_of_root();
        let report = root.run(&["who", "3000", "--json"]).json();
        let holder = &report["holders"][0];
        assert!(holder["pid"].is_u64() && holder["command"].as_str().unwrap().contains("listen"), "{report}");
        assert_eq!(holder["user"], EVE.to_string());
        // It is not root's, so not even root's daemon stops it.
        let stop = root.run(&["stop", "3000", "--yes"]);
        assert_eq!(stop.code, 1, "{stop:?}");
        let hint = format!("hint: if you must: sudo kill {}", holder["pid"]);
        assert!(stop.stderr.contains("belongs to another user") && stop.stderr.contains(&hint), "{stop:?}");
        assert_eq!(root.run(&["who", "3000", "--json"]).json()["reason"], "in_use");
    });
}

#[test]
#[ignore = "needs root: .ci/run runs it"]
fn a_port_below_1024_is_privileged() {
    in_new_netns(|| {
        let programs = Programs::new();
        let report = programs.home_of(ADA, "").run(&["who", "81", "--json"]).json();
        assert_eq!((&report["free"], &report["reason"]), (&json!(false), &json!("privileged")), "{report}");
    });
}

#[test]
#[ignore = "needs root: .ci/run runs it"]
fn an_address_of_the_network_alone() {
    in_new_netns(|| {
        ip("link add veth0 type veth peer name veth1\naddr add 10.77.0.1/24 dev veth0\nlink set veth0 up\n");
        let home = home_of_root();
        let _app = TcpListener::bind(("10.77.0.1", PORT)).unwrap();
        let diagnosis = home.run(&["doctor", "3000", "--json"]);
        assert_eq!(diagnosis.code, 1);
        let checks = diagnosis.json()["checks"].clone();
        let ill: Vec<&Value> =
            checks.as_array().unwrap().iter().filter(|check| check["status"] == "fail").collect();
        let [check] = &ill[..] else { panic!("{checks}") };
        assert_eq!(
            (&check["id"], &check["summary"]),
            (
                &json!("address"),
                &json!(
                    "it listens on 10.77.0.1 only, an address of the network, and localhost is another one"
                )
            )
        );
        assert_eq!(check["fix"], "use http://10.77.0.1:3000, or let the app listen on 127.0.0.1");
        assert_eq!(home.run(&["doctor", "3000", "--host", "10.77.0.1"]).code, 0);
        let exposed = home.run(&["ports", "--exposed"]).stdout;
        assert!(exposed.contains("10.77.0.1  exposed"), "{exposed}");
    });
}

#[test]
#[ignore = "needs root: .ci/run runs it"]
fn five_thousand_listeners() {
    const MANY: u16 = 5000;
    let most = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: most, maximum: most }).unwrap();
    in_new_netns(|| {
        let home = home_of_root();
        home.run(&["get", "app"]).port().unwrap();
        let listeners: Vec<TcpListener> = (10_000..10_000 + MANY)
            .map(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap())
            .collect();
        // The first look walks all processes, the second remembers them.
        for _ in 0..2 {
            let begun = SystemClock.now().boot;
            let ran = home.run(&["ports", "--json"]);
            let took = SystemClock.now().boot - begun;
            let list = ran.json();
            let ours = |entry: &&Value| entry["holder"]["pid"] == std::process::id();
            assert_eq!(list["ports"].as_array().unwrap().iter().filter(ours).count(), listeners.len());
            assert!(took < Duration::from_secs(1), "{took:?}");
            println!("{} listeners in {took:?}", listeners.len());
        }
    });
}
