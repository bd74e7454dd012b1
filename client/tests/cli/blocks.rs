//! `get --count`, and `get --prefer` of a lease that is elsewhere.

use std::net::TcpListener;

use super::{Home, Ran, apart::home_apart, fails, port};

fn ports(ran: &Ran) -> Vec<u16> {
    assert_eq!(ran.code, 0, "{ran:?}");
    ran.stdout.lines().map(|line| line.parse().unwrap()).collect()
}

fn block(home: &Home, args: &[&str]) -> Vec<u16> {
    let args: Vec<&str> = ["get", "app", "web", "--count"].iter().chain(args).copied().collect();
    ports(&home.run(&args))
}

fn row(first: u16, count: u16) -> Vec<u16> {
    (first..first + count).collect()
}

#[test]
fn a_block_is_stable_grows_in_its_place_and_gives_nothing_back() {
    let home = home_apart();
    let three = block(&home, &["3"]);
    assert_eq!(three, row(three[0], 3));
    assert_eq!(block(&home, &["3"]), three);
    let twelve = block(&home, &["12"]);
    assert_eq!(twelve, row(three[0], 12), "web-10 comes after web-9");
    assert_eq!(block(&home, &["3"]), three);
    let listed = home.run(&["list", "--json"]).json()["leases"].as_array().unwrap().len();
    assert_eq!(listed, 12, "fewer give none back");
    assert_eq!(port(&home, &["get", "app", "web-12"]), three[0] + 11);
    let answer = home.run(&["get", "app", "web", "--count", "2", "--json"]).json();
    assert_eq!((&answer["project"], &answer["leases"][1]["service"]), (&"app".into(), &"web-2".into()));
    home.kill(rustix::process::Signal::KILL);
    assert_eq!(block(&home, &["12"]), twelve, "after a restart");
}

#[test]
fn a_block_that_cannot_grow_says_what_is_in_the_way() {
    let home = home_apart();
    let first = block(&home, &["2"])[0];
    let next = (first + 2).to_string();
    let stranger = TcpListener::bind(("127.0.0.1", first + 2)).unwrap();
    let ran = home.run(&["get", "app", "web", "--count", "3"]);
    fails(&ran, 4);
    let why = format!("app/web-3 would need {next}, and port {next} is taken by ");
    assert!(
        ran.stderr.contains(&why) && ran.stderr.contains(&format!("(pid {}", std::process::id())),
        "{ran:?}"
    );
    drop(stranger);
    home.run(&["get", "other", "--port", &next]);
    let ran = home.run(&["get", "app", "web", "--count", "3"]);
    fails(&ran, 4);
    assert!(ran.stderr.contains(&format!("port {next} is leased to other/default")), "{ran:?}");
    assert!(ran.stderr.contains("hint: to move all of them, add --reset"), "{ran:?}");
    assert_eq!(block(&home, &["2"]), row(first, 2), "nothing was changed");
    let app = TcpListener::bind(("127.0.0.1", first)).unwrap();
    let ran = home.run(&["get", "app", "web", "--count", "3", "--reset"]);
    fails(&ran, 4);
    assert!(ran.stderr.contains(&format!("app/web runs on port {first}")), "{ran:?}");
    drop(app);
    let ran = home.run(&["get", "app", "web", "--count", "3", "--reset"]);
    let moved = ports(&ran);
    assert_eq!(moved, row(moved[0], 3));
    assert!(!moved.contains(&(first + 2)));
    assert!(ran.stderr.contains("instead of"), "{ran:?}");
}

#[test]
fn where_a_block_begins() {
    let home = home_apart();
    let begin = port(&home, &["get", "probe"]);
    home.run(&["release", "probe"]);
    let begin = if begin % 100 > 80 { begin - 50 } else { begin };
    let wish = begin.to_string();
    // Another project's port cools for a minute, so one port further on.
    let stranger = TcpListener::bind(("127.0.0.1", begin + 2)).unwrap();
    let ran = home.run(&["get", "app", "web", "--count", "3", "--prefer", &wish]);
    let elsewhere = ports(&ran);
    assert_ne!(elsewhere[0], begin);
    assert!(ran.stderr.contains(&format!("portlease: {wish}: ")), "{ran:?}");
    drop(stranger);
    let ran = home.run(&["get", "app", "db", "--count", "3", "--port", &(begin + 1).to_string()]);
    assert_eq!(ports(&ran), row(begin + 1, 3));
    for bad in ["0", "1025", "x", "-1"] {
        fails(&home.run(&["get", "app", "--count", bad]), 2);
    }
    fails(&home.run(&["get", "app", "--count", "3", "--port", "65534"]), 2);
}

#[test]
fn a_preferred_port_is_gone_back_to_only_when_asked() {
    let home = home_apart();
    let wish = port(&home, &["get", "app", "other"]) + 1;
    let (wish, listener) = (wish.to_string(), TcpListener::bind(("127.0.0.1", wish)).unwrap());
    let ran = home.run(&["get", "app", "--prefer", &wish]);
    let given = ran.port().unwrap();
    assert!(
        given.to_string() != wish && ran.stderr.contains(&format!("so you got {given} instead")),
        "{ran:?}"
    );
    drop(listener);
    // It is free by now, and the lease stays where it is.
    let ran = home.run(&["get", "app", "--prefer", &wish]);
    assert_eq!(ran.port(), Ok(given));
    assert_eq!(ran.stderr, format!("portlease: app/default keeps {given}; --reset moves it, if it can\n"));
    let ran = home.run(&["get", "app", "--prefer", &wish, "--reset"]);
    assert_eq!(ran.port().map(|port| port.to_string()), Ok(wish.clone()));
    let because =
        format!("portlease: app/default: asked to choose anew, so you got {wish} instead of {given}\n");
    assert_eq!(ran.stderr, because);
    assert_eq!(home.run(&["get", "app", "--prefer", &wish]).stderr, "");
}
