//! Which variable each service has, and which brace is whose.

use std::{ffi::OsStr, os::unix::ffi::OsStrExt, path::Path};

use portlease_proto::{PortRange, Protocol};

use super::*;

fn manifest(text: &str) -> Manifest {
    Manifest::parse(text, Path::new("portlease.toml")).unwrap()
}

fn service(name: &str) -> ServiceName {
    name.parse().unwrap()
}

/// Ports for what a manifest asks for: 4001 for the first service, and so on.
fn ports(manifest: &Manifest) -> BTreeMap<ServiceName, Port> {
    requests(manifest).into_keys().zip((4001..).filter_map(Port::new)).collect()
}

fn set(text: &str, main: Option<&str>) -> Result<String, String> {
    let (manifest, main) = (manifest(text), main.map(service));
    let set = variables(&manifest, main.as_ref(), &ports(&manifest)).map_err(|error| error.to_string())?;
    let lines: Vec<String> = set.iter().map(|(name, value)| format!("{name}={value}")).collect();
    Ok(lines.join(" "))
}

#[test]
fn each_service_is_asked_for_as_it_wishes() {
    let text = "[services.web]\nprefer = [3000, 3001]\nenv = \"PORT\"\n\
                [services.db]\nrange = \"5400-5499\"\nprotocol = \"tcp\"\nhold = true";
    let asked = requests(&manifest(text));
    let web =
        GetRequest { prefer: vec![Port::constant(3000), Port::constant(3001)], ..GetRequest::default() };
    let db = GetRequest {
        range: Some(PortRange::constant(5400, 5499)),
        protocol: Some(Protocol::Tcp),
        hold: Some(true),
        ..GetRequest::default()
    };
    assert_eq!(asked, BTreeMap::from([(service("web"), web), (service("db"), db)]));
    let only = BTreeMap::from([(service("default"), GetRequest::default())]);
    assert_eq!(requests(&manifest("project = \"a\"")), only);
}

#[test]
fn each_service_has_a_variable() {
    for (text, main, expected) in [
        ("", None, "PORT=4001"),
        ("[services.api]", None, "PORT=4001"),
        ("[services.api]\nenv = \"API\"", None, "API=4001"),
        ("[services.db]\n[services.web]", None, "DB_PORT=4001 PORT=4002"),
        ("[services.db]\n[services.default]\n[services.web]", None, "DB_PORT=4001 PORT=4002 WEB_PORT=4003"),
        ("[services.db]\n[services.web]", Some("db"), "PORT=4001 WEB_PORT=4002"),
        ("[services.default]\n[services.web]", Some("web"), "DEFAULT_PORT=4001 PORT=4002"),
        ("[services.api]\n[services.db]", None, "API_PORT=4001 DB_PORT=4002"),
        ("[services.api]\n[services.db]\nenv = \"PORT\"", None, "API_PORT=4001 PORT=4002"),
        ("[services.db]\nenv = \"PORT\"\n[services.web]", None, "PORT=4001 WEB_PORT=4002"),
        ("[services.api]\n[services.web]\nenv = \"PORT\"", Some("api"), "API_PORT=4001 PORT=4002"),
        ("[services.db]\nenv = \"PGPORT\"\n[services.web]\nenv = \"W\"", None, "PGPORT=4001 W=4002"),
        ("[services.\"1a.b-c\"]\n[services.x_Y]", None, "_1A_B_C_PORT=4001 X_Y_PORT=4002"),
        (
            "[services.db]\n[services.web]\n[env]\nZ = \"{web}\"\nA = \"db:{db}/{{x}}\"",
            None,
            "DB_PORT=4001 PORT=4002 A=db:4001/{x} Z=4002",
        ),
    ] {
        assert_eq!(set(text, main).as_deref(), Ok(expected), "{text} {main:?}");
    }
}

#[test]
fn nothing_sets_what_something_else_sets() {
    for (text, main, expected) in [
        (
            "[services.\"a-b\"]\n[services.\"a.b\"]",
            None,
            "service a-b and service a.b would both set A_B_PORT",
        ),
        ("[env]\nPORT = \"{default}\"", None, "service default and PORT in [env] would both set PORT"),
        (
            "[services.db]\n[services.web]\n[env]\nDB_PORT = \"1\"",
            None,
            "service db and DB_PORT in [env] would both set DB_PORT",
        ),
        ("[services.db]\n[services.web]", Some("api"), "there is no service api here, only: db, web"),
    ] {
        assert_eq!(set(text, main), Err(expected.to_owned()), "{text} {main:?}");
    }
    // Ports that are not those of the manifest.
    let manifest = manifest("[services.db]\n[services.web]\n[env]\nA = \"{db}\"");
    let only_web = BTreeMap::from([(service("web"), Port::constant(1))]);
    let error = variables(&manifest, None, &only_web).unwrap_err();
    assert_eq!(error.to_string(), "there is no service db here, only: web");
}

fn replaced(argument: &[u8], main: Option<&str>, services: &[&str]) -> Result<Vec<u8>, String> {
    let ports: BTreeMap<ServiceName, Port> =
        services.iter().map(|name| service(name)).zip((4001..).filter_map(Port::new)).collect();
    let replaced = replace(OsStr::from_bytes(argument), main.map(service).as_ref(), &ports);
    replaced.map(|text| text.as_bytes().to_vec()).map_err(|error| error.to_string())
}

#[test]
fn words_in_braces_are_ports() {
    for (argument, expected) in [
        ("{port}", "4002"),
        ("--port={port}", "--port=4002"),
        ("{url}/x", "http://localhost:4002/x"),
        ("{db}:{web}{db}", "4001:40024001"),
        ("{\"port\":{port}}", "{\"port\":4002}"),
        ("é{db}é", "é4001é"),
        ("{ {db}", "{ 4001"),
        // What `replace` makes is not looked at again.
        ("{{db}{db}", "{{db}4001"),
    ] {
        assert_eq!(replaced(argument.as_bytes(), None, &["db", "web"]), Ok(expected.into()), "{argument}");
    }
    assert_eq!(replaced(b"\xff{db}\xfe{", None, &["db"]), Ok(b"\xff4001\xfe{".to_vec()));
    assert_eq!(replaced(b"{port} {web}", Some("db"), &["db", "web"]), Ok(b"4001 4002".to_vec()));
    // The words are ours, whatever services are called.
    assert_eq!(replaced(b"{port} {url}", Some("web"), &["port", "url", "web"]).unwrap()[..4], *b"4003");
}

#[test]
fn other_braces_stay() {
    for argument in [
        "",
        "{",
        "}",
        "{}",
        "}{",
        "{\"a\":1}",
        "${x}",
        "${port}",
        "{{port}}",
        "{{db}}",
        "{ port }",
        "{PORT}",
        "{Db}",
        "{api}",
        "{port",
        "port}",
        "a{1,2}",
        "{db,web}",
        "$({ db; })",
        "{\n}",
    ] {
        assert_eq!(replaced(argument.as_bytes(), None, &["db", "web"]), Ok(argument.into()), "{argument}");
    }
    assert_eq!(replaced(b"{\xff}", None, &["db"]), Ok(b"{\xff}".to_vec()));
}

#[test]
fn the_main_service_is_needed_only_for_its_words() {
    assert_eq!(replaced(b"{db} {x}", None, &["api", "db"]), Ok(b"4002 {x}".to_vec()));
    let error = replaced(b"{port}", None, &["api", "db"]).unwrap_err();
    assert_eq!(error, "{port} is that of the main service, and none of these is it: api, db");
    assert!(replaced(b"{url}", None, &["api", "db"]).unwrap_err().starts_with("{url} is that"));
    assert_eq!(replaced(b"{port}", Some("x"), &["db"]), Err("there is no service x here, only: db".into()));
}
