//! Requests whose project is named after their root: whose the root is, and
//! what has to be noted when that is new.

use std::{fs, io, os::unix::fs::MetadataExt, time::SystemTime};

use portlease_proto::{EventKind, Identified};

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

impl Inner {
    /// The request for the project that its root belongs to, if that is to be
    /// looked up. What is new about it is noted with the leases of the draft.
    pub(super) fn settled<'a>(&self, draft: &mut Draft, wanted: &Wanted<'a>) -> Option<Wanted<'a>> {
        let (home, by) = (wanted.home.as_ref()?, wanted.request.identify?);
        let settled = self.registry.settle(&wanted.key.project, home, by);
        let key = LeaseKey { project: settled.project, service: wanted.key.service.clone() };
        if settled.is_new {
            draft.note(Change::Settle(key.project.clone(), home.clone()), None);
        }
        let before = settled.moved_from.as_deref();
        let others = self.registry.of_project(&key.project).filter(|record| record.key != key);
        for record in others.filter(|record| before.is_some() && record.root.as_deref() == before) {
            let record = Record { root: Some(home.root.clone()), ..record.clone() };
            let event = view::event(EventKind::Changed, &record, wanted.now);
            draft.note(Change::Put(record), Some(event));
        }
        let asked = wanted.key.project.clone();
        draft.identified = settled.because.map(|because| Identified { asked, because });
        Some(Wanted { key, ..wanted.clone() })
    }
}
