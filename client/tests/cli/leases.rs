//! The everyday commands.

use std::net::TcpListener;

use insta::assert_snapshot;

use super::{Home, apart::home_apart, fails, port, show};

#[test]
fn the_port_is_alone_on_standard_output() {
    let home = home_apart();
    let ran = home.run(&["get", "app"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    let app = ran.port().unwrap();
    assert_eq!(port(&home, &["get", "app", "default"]), app);
    assert_eq!(port(&home, &["get", "--project", "app"]), app);
    assert_ne!(port(&home, &["get", "app", "web"]), app);
    assert_eq!(port(&home, &["get", "--project", "app", "web"]), port(&home, &["get", "app", "web"]));
    let output = home.command(&["get"]).env("PORTLEASE_PROJECT", "app").output().unwrap();
    assert_eq!(super::Ran::from(output).port(), Ok(app));
}

#[test]
fn list_show_and_release() {
    let home = home_apart();
    assert_snapshot!(show(&home, &["list"], &[]), @r"
    $ portlease list
    portlease: no leases yet: portlease get NAME makes one
    [exit 0]
    ");
    let (app, web) = (port(&home, &["get", "app"]), port(&home, &["get", "app", "web", "--protocol", "tcp"]));
    let lease = home.run(&["show", "app", "web", "--json"]).json();
    let text = |field: &str| lease[field].as_str().unwrap().to_owned();
    let names = [
        (app.to_string(), "[app]"),
        (web.to_string(), "[web]"),
        (text("id"), "[id]"),
        (text("created_at"), "[time]"),
    ];
    assert_snapshot!(show(&home, &["list"], &names), @r"
    $ portlease list
    PROJECT  SERVICE  PORT   STATE     HOLDER
    app      default  [app]  reserved
    app      web      [web]  reserved
    [exit 0]
    ");
    assert_snapshot!(show(&home, &["show", "app", "web"], &names), @r"
    $ portlease show app web
    lease     app/web
    port      [web] (tcp)
    url       http://localhost:[web]
    state     reserved
    created   [time]
    id        [id]
    [exit 0]
    ");
    assert_eq!(home.run(&["list", "--json"]).json()["leases"].as_array().unwrap().len(), 2);
    assert_snapshot!(show(&home, &["release", "app", "web"], &names), @r"
    $ portlease release app web
    portlease: released app/web (port [web])
    [exit 0]
    ");
    assert_eq!(home.run(&["release", "app", "--json"]).json()["leases"][0]["port"], app);
    fails(&home.run(&["show", "app"]), 3);
}

/// A port of the home's pool.
fn own_port(home: &Home) -> String {
    let config = std::fs::read_to_string(home.dir().join("config.toml")).unwrap();
    let (first, _) = config.split_once('"').unwrap().1.split_once('-').unwrap();
    (first.parse::<u16>().unwrap() + 50).to_string()
}

#[test]
fn choosing_a_port() {
    let home = home_apart();
    let free = || {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        listener.local_addr().unwrap().port().to_string()
    };
    // The kernel's own range is excluded; `--force` says that we mean it.
    let (a, b) = (free(), free());
    assert_eq!(port(&home, &["get", "x", "--port", &a, "--force"]).to_string(), a);
    assert_eq!(port(&home, &["get", "y", "--force", "--prefer", &a, &b]).to_string(), b);
    let own = own_port(&home);
    let names = [(a.clone(), "[a]"), (b.clone(), "[b]"), (own.clone(), "[own]")];
    let range = format!("{own}-{own}");
    assert_snapshot!(show(&home, &["get", "v", "--force", "--prefer", &a, "--range", &range], &names), @r"
    $ portlease get v --force --prefer [a] --range [own]-[own]
    [own]
    [exit 0]
    ");
    home.run(&["get", "u", "--force", "--prefer", &a]);
    let wish = home.run(&["get", "t", "--force", "--prefer", &a, "--json"]);
    let note = format!("portlease: {a}: x/default has it, so you got {} instead\n", wish.json()["port"]);
    assert_eq!((wish.stderr, wish.code), (note, 0), "a wish is not changed in silence");
    assert_eq!(home.run(&["get", "t", "--json"]).json()["explain"], serde_json::Value::Null);
    assert_snapshot!(show(&home, &["get", "z", "--port", &a, "--force"], &names), @r"
    $ portlease get z --port [a] --force
    error: port [a] is leased to x/default
    hint: free it: portlease release x default
    [exit 4]
    ");
    assert_snapshot!(show(&home, &["get", "x", "--port", &b], &names), @r#"
    $ portlease get x --port [b]
    error: x/default has port [a] already, and port [b] was asked for
    hint: to choose anew, add --reset ("reset": true); to keep it, ask without
    [exit 1]
    "#);
    home.run(&["release", "y"]);
    // It cools for others, and is given to nobody but its own project.
    assert_snapshot!(show(&home, &["get", "x", "--port", &b, "--force", "--reset"], &names), @r"
    $ portlease get x --port [b] --force --reset
    error: port [b] was released by y less than a minute ago
    hint: ask again in a minute, or ask for another port
    [exit 4]
    ");
    assert_eq!(port(&home, &["get", "y", "--port", &b, "--force"]).to_string(), b);
    let range = port(&home, &["get", "w", "--range", "10100-10110"]);
    assert!((10_100..=10_110).contains(&range));
}

#[test]
fn status_tells_where_the_daemon_answers() {
    let home = home_apart();
    let running = home.run(&["status"]);
    fails(&running, 69);
    port(&home, &["get", "app"]);
    let status = home.run(&["status", "--json"]).json();
    let names = [
        (home.dir().display().to_string(), "[home]".to_owned()),
        (status["endpoint"]["pid"].to_string(), "[pid]".to_owned()),
        (status["endpoint"]["port"].to_string(), "[port]".to_owned()),
        (status["started_at"].as_str().unwrap().to_owned(), "[time]".to_owned()),
        (env!("CARGO_PKG_VERSION").to_owned(), "[version]".to_owned()),
    ];
    let names: Vec<(String, &str)> =
        names.iter().map(|(value, name)| (value.clone(), name.as_str())).collect();
    assert_snapshot!(show(&home, &["status"], &names), @r"
    $ portlease status
    daemon    running (pid [pid], version [version])
    since     [time]
    leases    1
    socket    [home]/run/portlease.sock
    http      http://127.0.0.1:[port]
    [exit 0]
    ");
}

#[test]
fn when_the_api_port_is_somebody_elses() {
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let wanted = other.local_addr().unwrap().port();
    let binary = vec![env!("CARGO_BIN_EXE_portlease").into()];
    let home = Home::new(binary, &format!("[api]\nport = {wanted}\n"));
    port(&home, &["get", "app", "--range", "10100-10199"]);
    let status = home.run(&["status"]);
    let line = format!("port {wanted} is held by");
    let held = status.stdout.lines().find(|text| text.contains(&line)).unwrap();
    assert!(held.contains(&format!("(pid {}, user ", std::process::id())), "{held}");
    let endpoint = home.run(&["status", "--json"]).json()["endpoint"].clone();
    assert_ne!(endpoint["port"], wanted);
    let published = std::fs::read(home.dir().join("run/endpoint.json")).unwrap();
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&published).unwrap(), endpoint);
}

#[test]
fn help_has_examples() {
    let home = home_apart();
    let help = home.run(&["get", "--help"]);
    assert!(help.stdout.contains("portlease get myapp --prefer 3000,3001"), "{help:?}");
    assert!(home.run(&["--help"]).stdout.contains("Exit codes: 0 done"));
    assert!(home.daemons().is_empty(), "help starts no daemon");
}
