//! `portlease.toml`, as the commands read it.

use std::net::TcpListener;

use insta::assert_snapshot;

use super::{directories::Disk, fails};

fn free() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

#[test]
fn services_by_name_with_what_they_prefer() {
    let disk = Disk::new();
    let port = free();
    let text = format!(
        "project = \"shop\"\n[services.web]\nprefer = {port}\n[services.db]\nprotocol = \"tcp\"\nenv = \"PGPORT\"\n\
         [env]\nURL = \"http://localhost:{{web}}\"\n"
    );
    disk.write("home/code/portlease.toml", &text);
    // What the kernel gives by itself is excluded, so say that we mean it.
    let web = disk.run("home/code", &["get", "web", "--force"]);
    assert_eq!((web.port(), web.stderr.as_str()), (Ok(port), ""));
    let db = disk.run("home/code", &["get", "db", "--json"]).json();
    assert_eq!(
        (&db["project"], &db["service"], &db["protocol"]),
        (&"shop".into(), &"db".into(), &"tcp".into())
    );
    assert_eq!(
        disk.run("home/code", &["get", "shop", "db"]).port().map(u64::from),
        Ok(db["port"].as_u64().unwrap())
    );
    // A name that is no service is a project, as everywhere.
    let other = disk.run("home/code", &["get", "other", "--json"]).json();
    assert_eq!((&other["project"], &other["root"]), (&"other".into(), &serde_json::Value::Null));

    assert_eq!(disk.run("home/code", &["show", "--json"]).json()["leases"].as_array().unwrap().len(), 2);
    assert_eq!(disk.run("home/code", &["show", "db", "--json"]).json(), db);
    assert_eq!(disk.run("home/code", &["renew", "db", "--json"]).json()["port"], db["port"]);
    assert_eq!(disk.run("home/code", &["release", "db", "--json"]).json()["leases"][0]["port"], db["port"]);
    assert_eq!(disk.run("home/code", &["release", "--json"]).json()["leases"][0]["port"], port);
    fails(&disk.run("home/code", &["show"]), 3);
    assert_eq!(disk.run("home/code", &["show", "other"]).code, 0);
}

#[test]
fn a_range_and_a_hold_of_a_service() {
    let disk = Disk::new();
    // The only free port of its range, which is held and still free for an app.
    let port = free();
    let text = format!("project = \"shop\"\n[services.db]\nrange = \"{port}-{port}\"\nhold = true\n");
    disk.write("home/code/portlease.toml", &text);
    let lease = disk.run("home/code", &["get", "db", "--force", "--json"]).json();
    assert_eq!((&lease["port"], &lease["hold"]), (&port.into(), &true.into()));
    // What is typed comes first.
    disk.run("home/code", &["release", "db"]);
    let other = free();
    let typed = disk.run("home/code", &["get", "db", "--port", &other.to_string(), "--force"]);
    assert_eq!(typed.port(), Ok(other), "{typed:?}");
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let disk = Disk::new();
    disk.write("home/code/portlease.toml", "[services.web]\nprefr = 3000\n");
    let said = |args: &[&str]| {
        let ran = disk.run("home/code", args);
        fails(&ran, 2);
        ran.stderr.replace(&disk.path("").display().to_string(), "[disk]/")
    };
    let of_get = said(&["get"]);
    assert_snapshot!(of_get, @r"
    error: [disk]/home/code/portlease.toml is wrong: did you mean `prefer`?
    TOML parse error at line 2, column 1
      |
    2 | prefr = 3000
      | ^^^^^
    unknown field `prefr`, expected one of `prefer`, `env`, `protocol`, `range`, `hold`
    ");
    for args in [&["get", "web"][..], &["show"], &["release"], &["renew"]] {
        assert_eq!(said(args), of_get);
    }
    // Who names both names cannot mean the manifest.
    assert_eq!(disk.run("home/code", &["get", "shop", "web"]).code, 0);
}
