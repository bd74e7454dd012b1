//! Rule U under fire: three users fight for eight source ports, with resets, so
//! that the two ends of a connection are the next one's all the time.
#![cfg(all(target_os = "linux", feature = "cli"))]
#![expect(clippy::unwrap_used, reason = "what does not work in a test fails it")]

#[path = "support/netns.rs"]
mod netns;
mod support;
#[path = "support/users.rs"]
mod users;

use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use rustix::net::sockopt::set_socket_linger;

use netns::in_new_netns;
use support::Home;
use users::{Helper, Programs, say, told};

const OWNER: u32 = 4243;
const OTHERS: [u32; 2] = [4244, 4245];
const SECONDS: u64 = 20;

/// What one user met with.
#[derive(Debug, Default)]
struct Met {
    served: u64,
    refused: u64,
    /// The most refusals in a row.
    refused_in_a_row: u64,
    resets: u64,
}

#[test]
#[ignore = "needs root: .ci/run runs it"]
fn no_other_user_is_served_and_the_owner_always_is() {
    in_new_netns(|| {
        // sysctl(8) may not be there; the file is this namespace's own.
        fs::OpenOptions::new()
            .write(true)
            .open("/proc/sys/net/ipv4/ip_local_port_range")
            .and_then(|mut file| file.write_all(b"40000 40007"))
            .unwrap();
        let programs = Programs::new();
        let home = programs.home_of(OWNER, "[api]\nport = 10900");
        assert_eq!(home.run(&["get", "app"]).code, 0);
        for address in ["127.0.0.1:10900", "[::1]:10900"] {
            fight(&programs, &home, address);
        }
        let list = home.run(&["list", "--json"]).json();
        let projects: Vec<&str> =
            list["leases"].as_array().unwrap().iter().map(|l| l["project"].as_str().unwrap()).collect();
        assert_eq!(projects, ["app", "of-4243"], "another user got a lease");
    });
}

fn fight(programs: &Programs, home: &Home, address: &str) {
    let start = |uid| {
        let mut helper = programs.helper(uid, "knocker");
        helper.tell(address);
        helper.wait_for("ready");
        helper
    };
    let (mut owner, mut others) = (start(OWNER), OTHERS.map(start));
    owner.tell("go");
    others.iter_mut().for_each(|other| other.tell("go"));
    let owner = met(&mut owner);
    let others = others.each_mut().map(met);
    say(&format!("{address}: the owner {owner:?}, others {others:?}"));
    assert!(owner.served > 1000 && home.run(&["get", "app"]).port().is_ok(), "{owner:?}");
    assert_eq!(owner.refused_in_a_row, 0, "{owner:?}");
    for other in others {
        assert_eq!(other.served, 0, "another user was served: {other:?}");
        assert!(other.refused > 500 && other.resets > 500, "{other:?}");
    }
}

fn met(helper: &mut Helper) -> Met {
    let lines = helper.wait_for("done");
    let numbers: Vec<u64> = lines
        .iter()
        .filter_map(|line| line.strip_prefix("met "))
        .flat_map(|line| line.split(' ').map(|number| number.parse().unwrap()))
        .collect();
    let [served, refused, refused_in_a_row, resets] = numbers[..] else { panic!("{lines:?}") };
    Met { served, refused, refused_in_a_row, resets }
}

/// Connects, asks and resets, for a while, as its user.
#[test]
#[ignore = "a process that other tests start as another user"]
fn knocker() {
    let Some(address) = told() else { return };
    let address: SocketAddr = address.parse().unwrap();
    say("ready");
    assert_eq!(told().as_deref(), Some("go"));
    let (mut met, mut in_a_row) = (Met::default(), 0);
    #[expect(clippy::disallowed_methods, reason = "the fight lasts so long")]
    let start = Instant::now();
    let mut round: u64 = 0;
    while start.elapsed() < Duration::from_secs(SECONDS / 2) {
        round += 1;
        // With eight ports for three users there is often none.
        let Ok(mut stream) = TcpStream::connect(address) else { continue };
        // Closing resets: nothing stays in TIME_WAIT, and the tuple is free at once.
        set_socket_linger(&stream, Some(Duration::ZERO)).unwrap();
        if round.is_multiple_of(3) {
            met.resets += 1;
            continue;
        }
        // What is asked leaves a trace, even where the answer does not arrive.
        let user = rustix::process::geteuid().as_raw();
        let request = format!(
            "PUT /v1/leases/of-{user}/web HTTP/1.1\r\nHost: {address}\r\n\
             Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}"
        );
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        if stream.write_all(request.as_bytes()).is_err() || round.is_multiple_of(5) {
            met.resets += 1;
            continue;
        }
        let mut answer = [0; 12];
        if stream.read_exact(&mut answer).is_err() {
            panic!("no answer to a request that was sent");
        }
        match &answer {
            b"HTTP/1.1 200" | b"HTTP/1.1 201" => {
                met.served += 1;
                in_a_row = 0;
            }
            b"HTTP/1.1 403" => {
                met.refused += 1;
                in_a_row += 1;
                met.refused_in_a_row = met.refused_in_a_row.max(in_a_row);
            }
            other => panic!("{}", String::from_utf8_lossy(other)),
        }
    }
    say(&format!("met {} {} {} {}", met.served, met.refused, met.refused_in_a_row, met.resets));
    say("done");
}
