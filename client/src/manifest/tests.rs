//! What is accepted, and how what is not is told.

use super::*;

fn parse(text: &str) -> Result<Manifest, String> {
    Manifest::parse(text, Path::new("portlease.toml")).map_err(|error| error.to_string())
}

#[test]
fn every_key() {
    let manifest = parse(
        r#"
        project = "myapp"
        [services.web]
        prefer = 3000
        env = "PORT"
        [services.db]
        prefer = [5432, 5433]
        env = "PGPORT"
        protocol = "tcp"
        range = "5400-5499"
        hold = true
        [services.cache]
        [env]
        DATABASE_URL = "postgres://localhost:{db}/myapp"
        "#,
    )
    .unwrap();
    assert_eq!(manifest.project, Some("myapp".parse().unwrap()));
    let service = |name: &str| manifest.services[&name.parse::<ServiceName>().unwrap()].clone();
    assert_eq!(service("web").prefer, [Port::constant(3000)]);
    assert_eq!((service("web").env.as_deref(), service("web").protocol), (Some("PORT"), None));
    assert_eq!(service("db").prefer, [Port::constant(5432), Port::constant(5433)]);
    assert_eq!(service("db").protocol, Some(Protocol::Tcp));
    assert_eq!(service("db").range, Some(PortRange::constant(5400, 5499)));
    assert_eq!((service("db").hold, service("web").hold), (Some(true), None));
    assert_eq!(service("cache"), Service::default());
    assert_eq!(manifest.env["DATABASE_URL"].services().count(), 1);
    assert_eq!(parse(""), Ok(Manifest::default()));
    assert!(parse("[env]\nURL = \"http://localhost:{default}\"").is_ok());
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    for (text, named) in [
        ("projct = \"a\"", &["did you mean `project`?", "line 1, column 1"][..]),
        ("[service.web]", &["did you mean `services`?", "line 1, column 2"]),
        ("[services.web]\nprefr = 1", &["did you mean `prefer`?", "line 2, column 1"]),
        ("[services.web]\nenvs = \"A\"", &["did you mean `env`?"]),
        ("project = 3", &["line 1, column 11", "expected a string"]),
        ("project = \"a@b\"", &["line 1, column 11", "adds @CHECKOUT by itself"]),
        ("project = \"-\"", &["adds @CHECKOUT by itself"]),
        ("project = \"a b\"", &["invalid project name"]),
        ("services = 3", &["line 1, column 12", "expected a map"]),
        ("\n[services.web]\nprefer = \"x\"", &["line 3, column 10", "a list of them"]),
        ("[services.web]\nprefer = 0", &["line 2, column 10", "a list of them"]),
        ("[services.web]\nprefer = [70000]", &["line 2, column 10"]),
        ("[services.web]\nprotocol = \"sctp\"", &["line 2, column 12", "`both`, `tcp`, `udp`"]),
        ("[services.web]\nrange = \"3000\"", &["line 2, column 9", "FIRST-LAST"]),
        ("[services.web]\nrange = \"3001-3000\"", &["line 2, column 9", "write 3000-3001"]),
        ("[services.web]\nrange = 3000", &["line 2, column 9", "expected"]),
        ("[services.web]\nhold = \"yes\"", &["line 2, column 8", "expected a boolean"]),
        ("[services.web]\nhold = true\nprotocol = \"udp\"", &["line 2, column 8", "hold needs tcp"]),
        ("[services.web]\nrang = \"1-2\"", &["did you mean `range`?"]),
        ("[services.\"we b\"]", &["line 1, column 11", "invalid service name"]),
        ("[services.web]\nenv = \"1A\"", &["line 2, column 7", "no name of a variable"]),
        (
            "[services.a]\nenv = \"P\"\n[services.b]\nenv = \"P\"",
            &["line 4, column 7", "service a has the variable P already"],
        ),
        ("[services.a]\nenv = \"P\"\n[env]\nP = \"\"", &["line 4, column 1", "service a has the variable P"]),
        ("[env]\nA-B = \"x\"", &["line 2, column 1", "no name of a variable"]),
        ("[env]\nA = 3", &["line 2, column 5", "expected a string"]),
        ("[env]\nA = \"a\\u0000\"", &["line 2, column 5", "U+0000"]),
        ("[env]\nA = \"{x\"", &["line 2, column 5", "write {{ for a brace"]),
        ("[services.web]\n[env]\nA = \"é{db}\"", &["line 3, column 5", "no service db here, only: web"]),
        ("[env]\nA = \"{db}\"", &["only: default"]),
        ("project = \"a\"\nproject = \"b\"", &["line 2, column 1", "duplicate key"]),
        ("project = ", &["line 1, column 11"]),
    ] {
        let error = parse(text).unwrap_err();
        for part in named {
            assert!(error.contains(part), "{text}\n{error}");
        }
    }
    let many = format!("[services.web]\nprefer = {:?}", vec![3000; 33]);
    assert!(parse(&many).unwrap_err().contains("more than 32 ports"));
}

#[test]
fn an_error_of_ours_looks_like_one_of_the_parser() {
    let error = parse("[services.web]\n[env]\n  ÄB = 1\n").unwrap_err();
    assert!(error.contains("line 3"), "{error}");
    let ours = parse("[services.web]\n\n[env]\nURL = \"http://localhost:{wbe}\"\n").unwrap_err();
    assert_eq!(
        ours,
        "portlease.toml is wrong\n\
         TOML parse error at line 4, column 7\n  |\n4 | URL = \"http://localhost:{wbe}\"\n  |       \
         ^^^^^^^^^^^^^^^^^^^^^^^^\nthere is no service wbe here, only: web"
    );
}
