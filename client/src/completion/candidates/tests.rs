use super::*;

fn lease(project: &str, service: &str, port: u16) -> Lease {
    let golden = include_str!("../../../../proto/tests/golden/lease_reserved.json");
    let mut lease: Lease = serde_json::from_str(golden).unwrap();
    lease.project = project.parse().unwrap();
    lease.service = service.parse().unwrap();
    lease.port = port.to_string().parse().unwrap();
    lease
}

fn leases() -> Vec<Lease> {
    let mut leases =
        vec![lease("shop", "db", 23002), lease("shop", "web", 23001), lease("shop@fix", "default", 23003)];
    leases.push(Lease { project: serde_json::from_str("\"-\"").unwrap(), ..lease("x", "t1", 23004) });
    leases
}

fn here() -> Here {
    Here { project: Some("shop".to_owned()), services: ["shop@fix", "web", "api"].map(str::to_owned).into() }
}

#[track_caller]
fn check(candidates: &[CompletionCandidate], expected: &[&str]) {
    let shown = |candidate: &CompletionCandidate| {
        let help = candidate.get_help().map(ToString::to_string).unwrap_or_default();
        format!("{}|{help}", candidate.get_value().display())
    };
    assert_eq!(candidates.iter().map(shown).collect::<Vec<_>>(), expected);
}

#[test]
fn projects_with_their_ports_and_no_tests() {
    check(&projects(&leases()), &["shop|db 23002, web 23001", "shop@fix|default 23003"]);
}

#[test]
fn a_name_alone_is_a_service_of_the_manifest_or_a_project() {
    let of_manifest = ["api", "shop@fix", "web"].map(|name| format!("{name}|a service of portlease.toml"));
    let [api, fix, web] = of_manifest.each_ref().map(String::as_str);
    // What is both is the service, as it is when it is typed.
    check(&names(None, &leases(), &here()), &[api, fix, web, "shop|db 23002, web 23001"]);
    check(&names(Some("shop@fix"), &leases(), &here()), &["default|23003: reserved"]);
}

#[test]
fn services_are_those_of_the_project_that_was_typed() {
    let db = "db|23002: reserved";
    let web = "web|23001: reserved";
    let ours = ["api|in portlease.toml", db, "shop@fix|in portlease.toml", web];
    check(&services(Some("shop"), &leases(), &here()), &ours);
    check(&services(Some("shop"), &leases(), &Here::default()), &[db, web]);
    check(&services(Some("other"), &leases(), &here()), &[]);
    // Neither the directory nor the line names one.
    check(&services(None, &leases(), &Here::default()), &[]);
}

#[test]
fn a_slash_asks_for_a_lease() {
    assert_eq!(projects_or_leases("sh", &leases()), projects(&leases()));
    let all = ["shop/db|23002: reserved", "shop/web|23001: reserved", "shop@fix/default|23003: reserved"];
    check(&projects_or_leases("shop/", &leases()), &all);
}

#[test]
fn each_port_once_with_whose_it_is() {
    let golden = include_str!("../../../../proto/tests/golden/ports.json");
    let Ok(portlease_proto::Listeners { mut ports }) = serde_json::from_str(golden) else {
        panic!("{golden}")
    };
    ports.retain(|listener| listener.holder.as_ref().is_some_and(|holder| holder.pid.is_some()));
    let mut listener = ports.remove(0);
    listener.lease = None;
    let port = |port: u16| port.to_string().parse::<Port>().unwrap();
    let unknown = Listener { port: port(631), holder: None, well_known: None, ..listener.clone() };
    let mut known = Listener { port: port(631), ..listener.clone() };
    known.holder.as_mut().unwrap().command = Some("evil\u{1b}[2J".to_owned());
    let leased = Listener { port: port(23001), ..listener };
    let found = super::ports(&[lease("shop", "web", 23001)], &[unknown, known, leased]);
    let values: Vec<_> = found.iter().map(|found| found.get_value().to_str().unwrap()).collect();
    assert_eq!(values, ["631", "23001"]);
    let help: Vec<_> = found.iter().map(|found| found.get_help().unwrap().to_string()).collect();
    assert!(help[0].contains("evil") && !help[0].contains('\u{1b}'), "{help:?}");
    assert_eq!(help[1], "shop/web: reserved");
}
