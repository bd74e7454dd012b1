//! `mv`, `export`, `import` and `open`.

use std::{
    fs::{DirBuilder, File},
    io::Write,
    net::TcpListener,
    os::unix::fs::OpenOptionsExt,
    process::Stdio,
};

use super::{Ran, apart::home_apart, directories::Disk, fails, port, support::Home};

fn with_input(home: &Home, args: &[&str], input: &str) -> Ran {
    let mut child = home
        .command(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    Ran::from(child.wait_with_output().unwrap())
}

#[test]
fn a_project_keeps_its_ports_under_another_name() {
    let home = home_apart();
    let (web, db) = (port(&home, &["get", "shop", "web"]), port(&home, &["get", "shop", "db"]));
    let app = TcpListener::bind(("127.0.0.1", web)).unwrap();
    let ran = home.run(&["mv", "shop", "store"]);
    let said = format!(
        "portlease: store/db has port {db}, as before\nportlease: store/web has port {web}, as before\n"
    );
    assert_eq!((ran.code, ran.stderr), (0, said));
    assert_eq!(port(&home, &["get", "store", "web"]), web);
    drop(app);
    assert_eq!(home.run(&["mv", "store/web", "store/front", "--json"]).json()["leases"][0]["port"], web);
    home.kill(rustix::process::Signal::KILL);
    assert_eq!(port(&home, &["get", "store", "front"]), web, "after a restart");
    home.run(&["get", "other"]);
    let ran = home.run(&["mv", "store", "other"]);
    fails(&ran, 1);
    assert!(
        ran.stderr.contains("error: other exists already\nhint: free the name: portlease release other"),
        "{ran:?}"
    );
    fails(&home.run(&["mv", "shop", "x"]), 3);
    for bad in [&["mv", "store", "a/b"][..], &["mv", "store", "a b"], &["mv", "store"], &["mv", "-", "x"]] {
        fails(&home.run(bad), 2);
    }
}

#[test]
fn a_directory_finds_its_leases_under_the_new_name() {
    let disk = Disk::new();
    disk.repository("home/shop");
    let before = disk.run("home/shop", &["get"]).port().unwrap();
    assert_eq!(disk.run("home/shop", &["mv", "shop", "store"]).code, 0);
    let lease = disk.run("home/shop", &["get", "--json"]).json();
    assert_eq!((&lease["project"], &lease["port"]), (&"store".into(), &before.into()));
    assert_eq!(disk.run("home/shop", &["show", "--json"]).json()["leases"][0]["port"], before);
    disk.write("home/shop/portlease.toml", "project = \"shop\"\n");
    assert_eq!(disk.run("home/shop", &["get", "--json"]).json()["project"], "shop");
}

#[test]
fn leases_go_to_a_file_and_back() {
    let home = home_apart();
    let web = port(&home, &["get", "app", "web", "--protocol", "tcp"]);
    let db = port(&home, &["get", "app", "db"]);
    let file = home.run(&["export"]).stdout;
    assert_eq!(home.run(&["export", "--json"]).stdout, file);
    home.run(&["release", "app"]);
    let stranger = TcpListener::bind(("127.0.0.1", db)).unwrap();
    let ran = with_input(&home, &["import"], &file);
    let moved = port(&home, &["get", "app", "db"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(
        ran.stderr.contains(&format!("portlease: app/db has {moved} now: port {db} is taken by ")),
        "{ran:?}"
    );
    assert!(ran.stderr.ends_with(&format!("portlease: app/web has {web}\n")), "{ran:?}");
    drop(stranger);
    let path = home.dir().join("leases.json");
    File::create(&path).unwrap().write_all(file.as_bytes()).unwrap();
    let ran = home.run(&["import", path.to_str().unwrap(), "--json"]);
    let report = ran.json();
    assert_eq!(
        (&report["leases"][0]["outcome"], &report["leases"][0]["port"]),
        (&"kept".into(), &moved.into())
    );
    let text = with_input(&home, &["import", "-"], &file).stderr;
    assert!(
        text.contains(&format!("app/db was there and keeps {moved}: it has port {moved} here")),
        "{text}"
    );

    for (input, named) in
        [("", "EOF"), ("[]", "standard input"), (r#"{"version": 2, "leases": []}"#, "version 2")]
    {
        let ran = with_input(&home, &["import"], input);
        fails(&ran, 1);
        assert!(ran.stderr.contains(named), "{ran:?}");
    }
    fails(&home.run(&["import", "/no/such/file"]), 1);
    assert_eq!(home.run(&["list", "--json"]).json()["leases"].as_array().unwrap().len(), 2);
}

#[test]
fn the_browser_gets_the_url() {
    let home = home_apart();
    let leased = port(&home, &["get", "app"]);
    let bin = home.dir().join("bin");
    DirBuilder::new().create(&bin).unwrap();
    let pipe = bin.join("opened");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    for name in ["browser", "xdg-open"] {
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o700)
            .open(bin.join(name))
            .unwrap();
        writeln!(file, "#!/bin/sh\necho {name} \"$@\" > {}", pipe.display()).unwrap();
    }
    let opened = |browser: &str, path: &std::path::Path| {
        let ran = Ran::from(
            home.command(&["open", "app"]).env("BROWSER", browser).env("PATH", path).output().unwrap(),
        );
        assert_eq!((ran.code, ran.stdout.as_str()), (0, ""), "{ran:?}");
        std::fs::read_to_string(&pipe).unwrap()
    };
    let url = format!("http://localhost:{leased}");
    let both = format!("/no/such/browser:{}", bin.join("browser").display());
    assert_eq!(opened(&both, &bin), format!("browser {url}\n"));
    assert_eq!(opened("browser -P 'my work' --app=%s", &bin), format!("browser -P my work --app={url}\n"));
    assert_eq!(opened("browser 'x:/no/such/browser -x:browser -y", &bin), format!("browser -y {url}\n"));
    assert_eq!(opened("", &bin), format!("xdg-open {url}\n"));
    let ran = Ran::from(home.command(&["open", "app"]).env("PATH", "/nowhere").output().unwrap());
    assert_eq!((ran.code, ran.stdout), (0, format!("{url}\n")));
    assert!(ran.stderr.contains("there is no browser"), "{}", ran.stderr);
    fails(&home.run(&["open", "nobody"]), 3);
    home.run(&["get", "app", "udp", "--protocol", "udp"]);
    fails(&home.run(&["open", "app", "udp"]), 1);
}
