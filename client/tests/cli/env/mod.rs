//! `portlease env`, read by the shells themselves, and into files.

mod files;
mod shells;

use std::collections::BTreeMap;

use insta::assert_snapshot;

use super::{directories::Disk, fails};

/// Values that one quoting or another gets wrong.
const NASTY: [&str; 26] = [
    "",
    "plain",
    "it's",
    "'",
    "''",
    "'quoted'",
    "say \"x\"",
    "a\\b",
    "a\\nb",
    "end\\",
    "two\\\\",
    "\\'",
    "$HOME ${HOME} $(echo no) `echo no`",
    "!bang !! it's !1",
    "%PATH% %s %%",
    "é 日本 \u{1f980} \u{2019}",
    "-lead",
    "--",
    "two\nlines",
    "trailing newline\n",
    "\n\n",
    "cr\r\nlf\r",
    "  blanks\t",
    "# > < | & ; ( ) { } [ ] * ? ~ ^ =",
    "~/x:~",
    "\u{1b}[31m\u{7}",
];

/// A project whose variables V0, V1, … have these values.
fn disk_with(values: &[&str]) -> Disk {
    let disk = Disk::new();
    let escaped = values.iter().map(|value| value.replace('{', "{{").replace('}', "}}"));
    let env: BTreeMap<String, String> =
        escaped.enumerate().map(|(i, value)| (format!("V{i}"), value)).collect();
    let env = toml::to_string(&BTreeMap::from([("env", env)])).unwrap();
    disk.write(
        "home/shop/portlease.toml",
        &format!("project = \"shop\"\n[services.web]\n[services.db]\n{env}"),
    );
    disk
}

/// What they must be, wherever they arrive.
fn expected(values: &[&str]) -> BTreeMap<String, String> {
    values.iter().enumerate().map(|(i, value)| (format!("V{i}"), (*value).to_owned())).collect()
}

#[test]
fn all_variables_of_a_project() {
    let disk = Disk::new();
    disk.write(
        "home/shop/portlease.toml",
        "[services.web]\n[services.db]\nenv = \"PGPORT\"\n[services.\"1-up\"]\n\
         [env]\nURL = \"http://localhost:{web}/it's\"\n",
    );
    let text = disk.run("home/shop", &["env"]);
    let port = |service: &str| disk.run("home/shop", &["get", service]).port().unwrap().to_string();
    let (web, db, up) = (port("web"), port("db"), port("1-up"));
    let shown = |ran: &crate::Ran| {
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
        ran.stdout.replace(&web, "[web]").replace(&db, "[db]").replace(&up, "[up]")
    };
    assert_snapshot!(shown(&text), @r"
    export _1_UP_PORT='[up]'
    export PGPORT='[db]'
    export PORT='[web]'
    export URL='http://localhost:[web]/it'\''s'
    ");
    assert_snapshot!(shown(&disk.run("home/shop", &["env", "--format", "dotenv"])), @r#"
    _1_UP_PORT='[up]'
    PGPORT='[db]'
    PORT='[web]'
    URL="http://localhost:[web]/it's"
    "#);
    assert_snapshot!(shown(&disk.run("home/shop", &["env", "--format", "powershell"])), @r"
    $env:_1_UP_PORT = '[up]'
    $env:PGPORT = '[db]'
    $env:PORT = '[web]'
    $env:URL = 'http://localhost:[web]/it''s'
    ");
    let lease = disk.run("home/shop", &["get", "web", "--json"]).json();
    assert_eq!(lease["root"], disk.path("home/shop").to_str().unwrap());
}

#[test]
fn json_has_every_value() {
    let disk = disk_with(&NASTY);
    let ran = disk.run("home/shop", &["env", "--format", "json"]);
    let mut object: BTreeMap<String, String> = serde_json::from_str(&ran.stdout).unwrap();
    assert!(object.remove("PORT").is_some() && object.remove("DB_PORT").is_some());
    assert_eq!(object, expected(&NASTY));
}

#[test]
fn a_project_without_a_manifest_has_one_port() {
    let disk = Disk::new();
    disk.write("home/shop/.git/HEAD", "ref: refs/heads/main\n");
    let port = disk.run("home/shop", &["get"]).port().unwrap();
    assert_eq!(disk.run("home/shop", &["env"]).stdout, format!("export PORT='{port}'\n"));
    // Another directory of the name is another project, which is said once.
    disk.write("home/else/shop/.git/HEAD", "ref: refs/heads/main\n");
    let ran = disk.run("home/else/shop", &["env"]);
    assert!(ran.stderr.starts_with("portlease: this is shop@2 from now on: shop is "), "{ran:?}");
    assert_eq!(disk.run("home/else/shop", &["env"]).stderr, "");
    assert_eq!(disk.run("home/shop", &["env"]).stdout, format!("export PORT='{port}'\n"));
}

#[test]
fn a_name_that_is_given_wins_and_the_manifest_says_which_services() {
    let disk = disk_with(&[]);
    let ran = disk.run("home/shop", &["env", "--project", "other"]);
    assert_eq!((ran.code, ran.stdout.lines().count()), (0, 2), "{ran:?}");
    let leases = disk.run("home", &["show", "other", "--json"]).json();
    let services: Vec<&str> =
        leases["leases"].as_array().unwrap().iter().map(|lease| lease["service"].as_str().unwrap()).collect();
    assert_eq!(services, ["db", "web"]);
    fails(&disk.run("home/shop", &["show"]), 3);
}

#[test]
fn nothing_is_leased_for_variables_that_cannot_be() {
    let disk = Disk::new();
    disk.write("home/shop/portlease.toml", "[services.a-b]\n[services.\"a.b\"]\n");
    let ran = disk.run("home/shop", &["env"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (2, "false\n"));
    assert_snapshot!(ran.stderr, @r#"
    error: service a-b and service a.b would both set A_B_PORT
    hint: write env = "VARIABLE" below [services.NAME] of one in portlease.toml
    "#);
    disk.write("home/shop/portlease.toml", "[env]\nA = \"${{HOME}}\"\n");
    let ran = disk.run("home/shop", &["env", "--format", "dotenv"]);
    fails(&ran, 1);
    assert_snapshot!(ran.stderr, @r"
    error: the value of A cannot be written so that docker compose, dotenv and python-dotenv read the same: it contains ${
    hint: portlease env --format json
    ");
    fails(&disk.run("home/shop", &["show"]), 3);
}
