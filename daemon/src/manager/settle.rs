//! Requests whose project is named after their root: whose the root is, and
//! what has to be noted when that is new.

use std::{fs, io, os::unix::fs::MetadataExt, time::SystemTime};

use portlease_proto::{EventKind, Identified, Identify};

use super::{Error, Inner, draft::Draft, get::Wanted, view};
use crate::registry::{Change, Home, LeaseKey, Record};

/// What is known of a root that was resolved.
pub(super) fn home(root: &str) -> Result<Home, Error> {
    let bad = |source: io::Error| Error::BadRoot { root: root.to_owned(), source };
    let metadata = fs::metadata(root).map_err(bad)?;
    let since = |time: SystemTime| time.duration_since(SystemTime::UNIX_EPOCH).ok();
    // Not every file system knows when a directory was made.
    let born = metadata.created().ok().and_then(since);
    Ok(Home {
        root: root.to_owned(),
        device: metadata.dev(),
        inode: metadata.ino(),
        born_ns: born.and_then(|born| i64::try_from(born.as_nanos()).ok()),
    })
}

/// The same, with what the project's name was made from.
pub(super) fn home_by((root, by): (&str, Identify)) -> Result<(Home, Identify), Error> {
    Ok((home(root)?, by))
}

impl Inner {
    /// The requests for the project that their root belongs to, if that is to
    /// be looked up: all are of one project and one root. What is new about it
    /// is noted with the leases of the draft.
    pub(super) fn settled<'a>(&self, draft: &mut Draft, wanted: &[Wanted<'a>]) -> Option<Vec<Wanted<'a>>> {
        let first = wanted.first()?;
        let (home, by) = first.home.as_ref()?;
        let settled = self.registry.settle(&first.key.project, home, *by);
        let project = settled.project;
        if settled.is_new {
            draft.note(Change::Settle(project.clone(), home.clone()), None);
        }
        let before = settled.moved_from.as_deref();
        let is_wanted = |record: &&Record| wanted.iter().any(|one| one.key.service == record.key.service);
        let others = self.registry.of_project(&project).filter(|record| !is_wanted(record));
        for record in others.filter(|record| before.is_some() && record.root.as_deref() == before) {
            let record = Record { root: Some(home.root.clone()), ..record.clone() };
            let event = view::event(EventKind::Changed, &record, first.now);
            draft.note(Change::Put(record), Some(event));
        }
        let asked = first.key.project.clone();
        draft.identified = settled.because.map(|because| Identified { asked, because });
        let of_project = |one: &Wanted<'a>| {
            let key = LeaseKey { project: project.clone(), service: one.key.service.clone() };
            Wanted { key, ..one.clone() }
        };
        Some(wanted.iter().map(of_project).collect())
    }
}
