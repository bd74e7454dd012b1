//! Registries of earlier formats, as released versions left them.

use super::*;

/// Opened for the second time: the first one brings it to the format of today.
/// Each time all leases are there, and nothing is put aside.
fn opened(file: &[u8], leases: &[&str]) -> (Place, Opened) {
    let place = Place::new();
    File::create(place.path()).unwrap().write_all(file).unwrap();
    let open = || {
        let opened = place.open().unwrap();
        assert!(opened.set_aside.is_none());
        let names = opened.registry.all().map(|record| format!("{} {}", record.key, record.port));
        assert_eq!(names.collect::<Vec<String>>(), leases);
        opened
    };
    drop(open());
    let opened = open();
    (place, opened)
}

#[test]
fn a_registry_of_the_first_format_opens_with_every_lease() {
    let leases = ["myapp/db 25432", "myapp/default 22976", "other/default 23622"];
    let (_place, opened) = opened(include_bytes!("../formats/1.db"), &leases);
    let one = opened.registry.at(Port::constant(25432)).unwrap();
    assert_eq!(one.id, "c04f974e44e64b71991bcc7037fe1e8e");
    assert_eq!((one.hold, one.life), (false, Life::default()));
    let roots: Vec<_> = opened.registry.all().filter_map(|record| record.root.as_deref()).collect();
    assert_eq!(roots, ["/tmp"]);
}

#[test]
fn a_registry_of_the_second_format_opens_with_every_lease() {
    let leases = ["myapp/db 25433", "other/default 23622"];
    let (_place, opened) = opened(include_bytes!("../formats/2.db"), &leases);
    let other = opened.registry.at(Port::constant(23622)).unwrap();
    assert_eq!(other.root.as_deref(), Some("/tmp"));
    assert_eq!(other.life.term.map(|term| term.ttl), Some(Ttl::from_seconds(3600).unwrap()));
    assert_eq!(opened.registry.home(&other.key.project), None);
}

#[test]
fn a_registry_of_the_third_format_opens_with_every_lease() {
    let leases = ["myapp/web 25434", "other/default 23622", "proj/default 26405"];
    let (_place, opened) = opened(include_bytes!("../formats/3.db"), &leases);
    let leases: Vec<_> = opened.registry.all().map(|record| (record.port.get(), record.run)).collect();
    assert_eq!(leases, [(25434, None), (23622, None), (26405, None)]);
    let home = opened.registry.home(&"proj".parse().unwrap()).unwrap();
    assert_eq!(home.root, "/srv/proj");
}

#[test]
fn a_registry_of_the_fourth_format_opens_with_every_lease() {
    let leases = ["myapp/web 25434", "other/default 23622", "proj/default 26405"];
    let (_place, opened) = opened(include_bytes!("../formats/4.db"), &leases);
    let mut runs: Vec<_> = opened.registry.all().filter_map(|record| record.run).collect();
    assert_eq!((opened.registry.len(), runs.pop().map(|run| run.pid)), (3, Some(4711)));
    assert_eq!(opened.registry.absence("/srv/proj"), None);
}

#[test]
fn a_registry_of_the_fifth_format_opens_with_every_lease() {
    let leases = ["-/6f1c0e6a5a9b4d0f8c3e2b7d9a4f1e05 26033", "myapp/owned 26032", "myapp/web 26031"];
    let (_place, opened) = opened(include_bytes!("../formats/5.db"), &leases);
    let all: Vec<&Record> = opened.registry.all().collect();
    assert_eq!(all[1].life.owner, Some(Owner { pid: 4711, start: 12_345, boot_id: BootId(7) }));
    assert_eq!(all[2].run, Some(Owner { pid: 4712, start: 777, boot_id: BootId(7) }));
    assert!(all.iter().all(|record| record.owner_command.is_none() && record.life.after.is_none()));
}

#[test]
fn a_registry_of_the_sixth_format_opens_with_every_lease() {
    let leases = ["-/6f1c0e6a5a9b4d0f8c3e2b7d9a4f1e06 23210", "myapp/db 28180", "myapp/web 26031"];
    let (place, mut opened) = opened(include_bytes!("../formats/6.db"), &leases);
    let all: Vec<&Record> = opened.registry.all().collect();
    assert_eq!(all[0].life.owner, Some(Owner { pid: 4711, start: 12_345, boot_id: BootId(7) }));
    assert_eq!(all[0].owner_command.as_deref(), Some("sleep 300"));
    assert_eq!(all[0].life.after, Ttl::from_seconds(60).ok());
    assert_eq!(
        (all[1].id.as_str(), all[1].root.as_deref()),
        ("fc4c513990034cd99856958b8cbcb77f", Some("/tmp"))
    );
    assert_eq!(all[2].life.term.map(|term| term.ttl), Ttl::from_seconds(3600).ok());
    // Its tables are those of a registry that was begun today.
    let schema = |place: &Place| -> Vec<String> {
        let connection = Connection::open(place.path()).unwrap();
        let mut names = connection.prepare("SELECT name FROM sqlite_schema ORDER BY name").unwrap();
        names.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
    };
    // And a port is still one lease's.
    let twice = Change::Put(Record { port: Port::constant(26031), ..record("other", 1) });
    assert!(opened.store.commit(&[twice]).is_err());
    drop(opened);
    let today = Place::new();
    drop(today.open().unwrap());
    assert_eq!(schema(&place), schema(&today));
}
