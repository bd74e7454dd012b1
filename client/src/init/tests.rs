//! What is made of projects as people have them.

use std::{collections::BTreeMap, path::Path};

use insta::assert_snapshot;
use portlease::{manifest::Manifest, variables};
use portlease_proto::Port;

use super::*;

/// The manifest for these files, which must be one, with a variable for each
/// service.
fn made_of(texts: &[(&'static str, &str)]) -> String {
    let findings = find(&Texts::of(texts));
    assert_eq!(findings.skipped, []);
    let text = manifest("shop", &findings.found);
    check(&text);
    text
}

fn check(text: &str) {
    let manifest =
        Manifest::parse(text, Path::new("portlease.toml")).unwrap_or_else(|e| panic!("{e}\n{text}"));
    let ports: BTreeMap<_, _> =
        variables::requests(&manifest).into_keys().map(|service| (service, Port::constant(1))).collect();
    assert!(variables::variables(&manifest, None, &ports).is_ok(), "{text}");
}

const VITE: &str = r#"{
    "scripts": {"build": "vite build", "dev": "vite", "dev:api": "PORT=4000 node api.js", "storybook": "storybook dev -p 6006"},
    "devDependencies": {"vite": "^8"}, "dependencies": {"express": "^5"}
}"#;
const COMPOSE: &str = r#"
x-all: &all
  restart: always
services:
  db:
    <<: *all
    image: postgres
    ports: ["127.0.0.1:5432:5432"]
  cache:
    ports:
      - "${REDIS_PORT:-6379}:6379"
  dns:
    ports:
      - { target: 53, published: "5353", protocol: udp }
      - target: 8053
        published: 8053
  mail.hog:
    ports: ["1025:1025", "[::1]:8025:8025/tcp", "3000", "9000-9002:9000-9002"]
  worker: { image: x }
  nothing:
"#;
const DOTENV: &str = "\u{23}PORT=1\nexport PORT=\"3000\" # web\nPGPORT=5432\nSMTP_HOST=mail.example.org\nSMTP_PORT=587\n\
                      API_PORT=\nSUPPORT=3\nlower_port=3\nAPI_URL=http://localhost:1\nADMIN_UI_PORT='3100'\n";

#[test]
fn a_project_with_many_files() {
    let text = made_of(&[("package.json", VITE), ("compose.yaml", COMPOSE), (".env", DOTENV)]);
    assert_snapshot!(text, @r##"
    project = "shop"

    # package.json: vite
    # it takes no variable: portlease run -- vite --port {port} --strictPort
    # .env: PORT
    [services.web]
    prefer = 5173
    env = "PORT"

    # package.json: script dev:api
    [services.api]
    prefer = 4000
    env = "API_PORT"

    # package.json: script storybook
    [services.storybook]
    prefer = 6006
    env = "STORYBOOK_PORT"

    # compose.yaml: service db
    # .env: PGPORT
    # publish it as "${PGPORT:?run portlease env --write .env}:5432"
    [services.db]
    prefer = 5432
    env = "PGPORT"

    # compose.yaml: service cache
    [services.cache]
    prefer = 6379
    env = "REDIS_PORT"

    # compose.yaml: service dns
    # publish it as "${DNS_PORT:?run portlease env --write .env}:53"
    [services.dns]
    prefer = 5353
    env = "DNS_PORT"
    protocol = "udp"

    # compose.yaml: service dns
    # publish it as "${DNS_8053_PORT:?run portlease env --write .env}:8053"
    [services.dns-8053]
    prefer = 8053
    env = "DNS_8053_PORT"

    # compose.yaml: service mail.hog
    # publish it as "${MAIL_HOG_PORT:?run portlease env --write .env}:1025"
    [services."mail.hog"]
    prefer = 1025
    env = "MAIL_HOG_PORT"

    # compose.yaml: service mail.hog
    # publish it as "${MAIL_HOG_8025_PORT:?run portlease env --write .env}:8025"
    [services."mail.hog-8025"]
    prefer = 8025
    env = "MAIL_HOG_8025_PORT"

    # .env: ADMIN_UI_PORT
    [services.admin-ui]
    prefer = 3100
    env = "ADMIN_UI_PORT"
    "##);
}

#[test]
fn processes() {
    let procfile = "# all\nweb: bundle exec puma -p ${PORT:-3000}\nworker: sidekiq\napi: node api.js --port 4000\nassets: bin/vite -p $PORT\n";
    let text = made_of(&[("Procfile", procfile), ("Gemfile", "source \"x\"\ngem 'rails', '~> 8'\n")]);
    assert_snapshot!(text, @r##"
    project = "shop"

    # Procfile: web
    # Gemfile: rails
    [services.web]
    prefer = 3000
    env = "PORT"

    # Procfile: api
    [services.api]
    prefer = 4000
    env = "API_PORT"

    # Procfile: assets
    [services.assets]
    env = "ASSETS_PORT"
    "##);
}

/// The first port, and how it is told.
fn only(file: &'static str, text: &str) -> String {
    let found = find(&Texts::of(&[(file, text)])).found;
    let shown = found.iter().map(|one| {
        let port = one.prefer.map(|port| port.to_string()).unwrap_or_default();
        format!("{} {port} {}", one.service, one.env.clone().unwrap_or_default())
    });
    shown.collect::<Vec<_>>().join(", ")
}

#[test]
fn frameworks_by_what_names_them() {
    for (file, text, expected) in [
        (
            "package.json",
            r#"{"dependencies": {"next": "1"}, "devDependencies": {"vite": "1"}}"#,
            "web 3000 PORT",
        ),
        (
            "package.json",
            r#"{"scripts": {"start": "next start -p 8080"}, "dependencies": {"next": "1"}}"#,
            "web 8080 PORT",
        ),
        (
            "package.json",
            r#"{"scripts": {"start": "node x", "dev": "PORT=3001 node x", "serve": "x -p 9"}}"#,
            "web 3001 PORT",
        ),
        ("package.json", r#"{"scripts": {"test": "vitest"}, "dependencies": {"left-pad": "1"}}"#, ""),
        ("package.json", r#"{"scripts": ["x"], "dependencies": "y"}"#, ""),
        ("manage.py", "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'x')", "web 8000 PORT"),
        ("manage.py", "print('stock')", ""),
        ("requirements.txt", "Flask[async]>=3 ; python_version > '3'\n", "web 5000 FLASK_RUN_PORT"),
        ("requirements.txt", "# django\n-r other.txt\nflask-login\n", ""),
        (
            "pyproject.toml",
            "[project]\ndependencies = [\"fastapi[standard] >= 0.1\"]",
            "web 8000 UVICORN_PORT",
        ),
        ("pyproject.toml", "[tool.poetry.dependencies]\nstreamlit = \"1\"", "web 8501 STREAMLIT_SERVER_PORT"),
        ("pyproject.toml", "[tool.black]\n", ""),
        ("Gemfile", "gem \"rails\"", "web 3000 PORT"),
        ("Gemfile", "# gem \"rails\"\ngem \"rails-html\"", ""),
        ("Cargo.toml", "[dependencies]\nrocket = \"0.5\"", "web 8000 ROCKET_PORT"),
        ("Cargo.toml", "[workspace.dependencies]\naxum = \"0.8\"", "web 3000 PORT"),
        ("Cargo.toml", "[package]\nname = \"axum\"", ""),
        ("go.mod", "module x\nrequire github.com/labstack/echo/v4 v4.1\n", "web 1323 PORT"),
        (
            "go.mod",
            "require (\n\tgithub.com/gin-gonic/gin v1 // indirect\n\tgithub.com/gin-gonic/ginx v1\n)",
            "",
        ),
        (".env", "PORT=4000", "web 4000 PORT"),
        (".env", "PORT=70000\nX_PORT=$PORT", ""),
        ("compose.yml", "services:\n  a.b:\n    ports: ['${WEB_PORT:?set it}:80']", "a.b  WEB_PORT"),
        ("compose.yml", "volumes: {}", ""),
    ] {
        assert_eq!(only(file, text), expected, "{file}: {text}");
    }
}

#[test]
fn a_port_for_both_protocols_is_one() {
    let text = made_of(&[("compose.yaml", "services:\n  dns:\n    ports: ['5353:53/udp', '5353:53/tcp']")]);
    assert!(text.contains("[services.dns]\nprefer = 5353\n") && !text.contains("protocol"), "{text}");
}

#[test]
fn what_is_broken_is_told_and_the_rest_is_read() {
    let texts = Texts::of(&[
        ("package.json", "{\"scripts\":"),
        ("compose.yaml", "services: [\n"),
        ("pyproject.toml", "x = = 1"),
        ("Cargo.toml", "[["),
        (".env", "PORT=3000"),
    ]);
    let findings = find(&texts);
    let skipped: Vec<&str> = findings.skipped.iter().map(|(file, _)| file.as_str()).collect();
    assert_eq!(skipped, ["package.json", "pyproject.toml", "Cargo.toml", "compose.yaml"]);
    assert!(findings.skipped.iter().all(|(_, why)| !why.is_empty() && !why.contains('\n')));
    assert_eq!(findings.found.len(), 1);
    let list = find(&Texts::of(&[("package.json", "[]")]));
    assert_eq!(list.skipped, [("package.json".to_owned(), "it is no object".to_owned())]);
}

#[test]
fn whatever_is_found_is_a_manifest() {
    check(&manifest("shop", &[]));
    for texts in [
        &[(
            "Procfile",
            "a.b: x -p $PORT\na-b: x -p $PORT\nA_B: x -p $PORT\n---: x -p 1\n\u{1b}é\u{202e}: x -p 2",
        )][..],
        &[
            ("compose.yaml", "services:\n  '1': {ports: ['1:1', '2:2', '3:3']}\n  web: {ports: ['4:4']}"),
            (".env", "PORT=9\n_PORT=8\n_1_PORT=7\nWEB_PORT=6"),
        ],
        &[(
            "package.json",
            r#"{"scripts": {"a\nb\"]": "PORT=1 x", "dev:": "x -p 2", "dev:web": "x -p 3", "dev": "x -p 4"}}"#,
        )],
        &[(
            "compose.yaml",
            "services:\n  a:\n    ports: ['80:80x', 1, 1.5, null, {}, [], {published: 1}, {target: 1, published: 99999}]",
        )],
    ] {
        made_of(texts);
    }
    let long = format!("{}: x -p 1", "a".repeat(100));
    made_of(&[("Procfile", &long)]);
}
