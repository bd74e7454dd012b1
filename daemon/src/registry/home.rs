//! Which directory a project's name belongs to, so that two directories of one
//! name are two projects, and one that was moved is the same.

use std::{collections::BTreeMap, path::Path};

use portlease_proto::{Identify, ProjectName};

use super::Registry;

/// A directory, known by its path and by what stays when it is moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    /// Its path without symbolic links.
    pub root: String,
    /// The device that it is on.
    pub device: u64,
    /// Its inode there.
    pub inode: u64,
    /// When it was made, in nanoseconds since 1970, where the file system
    /// knows: inodes are given again.
    pub born_ns: Option<i64>,
}

impl Home {
    fn is_same_directory(&self, other: &Self) -> bool {
        let born = self.born_ns.is_none() || other.born_ns.is_none() || self.born_ns == other.born_ns;
        (self.device, self.inode) == (other.device, other.inode) && born
    }
}

/// Whose a directory is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// Its project.
    pub project: ProjectName,
    /// Whether that has to be noted.
    pub is_new: bool,
    /// Where it was before.
    pub moved_from: Option<String>,
    /// Why it is another project than was asked for, or is elsewhere; only when
    /// that is new.
    pub because: Option<String>,
}

pub(super) type Homes = BTreeMap<ProjectName, Home>;

impl Registry {
    /// The directory that has a project's name.
    #[must_use]
    pub fn home(&self, project: &ProjectName) -> Option<&Home> {
        self.homes.get(project)
    }

    /// Whose `home` is that would like to be called `asked`. Nothing is noted.
    #[must_use]
    pub fn settle(&self, asked: &ProjectName, home: &Home, by: Identify) -> Settled {
        if self.homes.get(asked) == Some(home) {
            return Settled { project: asked.clone(), is_new: false, moved_from: None, because: None };
        }
        let may_be = |project: &ProjectName| by == Identify::Directory || is_numbered(asked, project);
        let same = self.homes.iter().filter(|(project, has)| may_be(project) && has.is_same_directory(home));
        // The name that was asked for first, then one of its numbers.
        if let Some((project, has)) = same.min_by_key(|(project, _)| rank(asked, project)) {
            let moved_from = (has.root != home.root).then(|| has.root.clone());
            let because = moved_from.as_ref().map(|from| format!("it was {from}"));
            return Settled { project: project.clone(), is_new: has != home, moved_from, because };
        }
        // Made anew in its place, such as by another clone.
        let here =
            self.homes.iter().find(|(project, has)| is_numbered(asked, project) && has.root == home.root);
        if let Some((project, _)) = here {
            return Settled { project: project.clone(), is_new: true, moved_from: None, because: None };
        }
        let because = self.other_root(asked, home).map(|other| format!("{asked} is {other}"));
        let project = if because.is_none() { asked.clone() } else { self.first_free(asked, home) };
        Settled { project, is_new: true, moved_from: None, because }
    }

    /// Another directory that has this name: by its own word, or by a lease
    /// that was made for it.
    fn other_root(&self, project: &ProjectName, home: &Home) -> Option<&str> {
        let known = self.homes.get(project).map(|home| home.root.as_str());
        let of_leases = || self.of_project(project).filter_map(|record| record.root.as_deref());
        known.or_else(|| of_leases().find(|root| !Path::new(root).starts_with(&home.root)))
    }

    fn first_free(&self, asked: &ProjectName, home: &Home) -> ProjectName {
        let free = |project: &ProjectName| self.other_root(project, home).is_none();
        let mut names = (2..).filter_map(|number| numbered(asked, number));
        names.find(free).unwrap_or_else(|| asked.clone())
    }
}

/// `NAME@2`; for a worktree, which has a checkout already, `NAME@ID-2`.
fn numbered(asked: &ProjectName, number: u32) -> Option<ProjectName> {
    const LONGEST: usize = 63;
    let text = match asked.as_str().split_once('@') {
        None => format!("{asked}@{number}"),
        Some((name, checkout)) => {
            let end = format!("-{number}");
            let most = LONGEST.saturating_sub(end.len());
            format!("{name}@{}{end}", checkout.get(..most).unwrap_or(checkout))
        }
    };
    text.parse().ok()
}

/// Whether `project` is `asked` or one of its numbers.
fn is_numbered(asked: &ProjectName, project: &ProjectName) -> bool {
    let number = project.as_str().rsplit(['@', '-']).next().and_then(|number| number.parse().ok());
    project == asked
        || number.is_some_and(|number| number >= 2 && numbered(asked, number).as_ref() == Some(project))
}

fn rank(asked: &ProjectName, project: &ProjectName) -> u8 {
    match project {
        project if project == asked => 0,
        project if is_numbered(asked, project) => 1,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Change;

    fn home(root: &str, inode: u64) -> Home {
        Home { root: root.to_owned(), device: 1, inode, born_ns: Some(7) }
    }

    fn registry(homes: &[(&str, Home)]) -> Registry {
        let mut registry = Registry::default();
        for (project, home) in homes {
            registry.apply(&Change::Settle(project.parse().unwrap(), home.clone()));
        }
        registry
    }

    fn settle(registry: &Registry, asked: &str, home: &Home, by: Identify) -> (String, bool, Option<String>) {
        let settled = registry.settle(&asked.parse().unwrap(), home, by);
        (settled.project.to_string(), settled.is_new, settled.because)
    }

    #[test]
    fn whose_a_directory_is() {
        let known = registry(&[
            ("app", home("/w/app", 1)),
            ("app@2", home("/v/app", 2)),
            ("shop", home("/w/shop", 3)),
            ("app@fix", home("/w/fix", 4)),
        ]);
        let check = |asked, root, inode, by, expected: (&str, bool, Option<&str>)| {
            let (project, is_new, because) = settle(&known, asked, &home(root, inode), by);
            assert_eq!((project.as_str(), is_new, because.as_deref()), expected, "{asked} {root} {inode}");
        };
        use Identify::{Directory, Manifest};
        for by in [Directory, Manifest] {
            check("app", "/w/app", 1, by, ("app", false, None));
            check("app", "/v/app", 2, by, ("app@2", false, None));
            check("app", "/u/app", 1, by, ("app", true, Some("it was /w/app")));
            check("app", "/u/app", 2, by, ("app@2", true, Some("it was /v/app")));
            check("app", "/w/app", 9, by, ("app", true, None));
            check("app", "/v/app", 9, by, ("app@2", true, None));
            check("app", "/u/app", 9, by, ("app@3", true, Some("app is /w/app")));
            check("new", "/w/new", 9, by, ("new", true, None));
            check("app@fix", "/w/moved", 4, by, ("app@fix", true, Some("it was /w/fix")));
            check("app@fix", "/v/fix", 9, by, ("app@fix-2", true, Some("app@fix is /w/fix")));
            check("app@2", "/w/two", 9, by, ("app@2-2", true, Some("app@2 is /v/app")));
        }
        // A directory that is called otherwise now, and a manifest that says otherwise.
        check("store", "/w/store", 3, Directory, ("shop", true, Some("it was /w/shop")));
        check("store", "/w/store", 3, Manifest, ("store", true, None));
        check("store", "/w/shop", 3, Manifest, ("store", true, None));
    }

    #[test]
    fn of_two_names_the_nearer_to_what_was_asked_for_is_kept() {
        let known = registry(&[
            ("app", home("/w/one", 1)),
            ("shop@2", home("/w/one", 1)),
            ("zoo", home("/w/one", 1)),
            ("zoo@2", home("/w/one", 1)),
        ]);
        for (asked, expected) in [("zoo", "zoo"), ("app", "app"), ("shop", "shop@2"), ("new", "app")] {
            let settled = settle(&known, asked, &home("/w/moved", 1), Identify::Directory);
            assert_eq!(settled.0, expected, "{asked}");
        }
        // A number that takes the place of letters comes first in the alphabet.
        let long = format!("a@{}", "b".repeat(63));
        let second = numbered(&long.parse().unwrap(), 2).unwrap();
        let known = registry(&[(&long, home("/w/one", 1)), (second.as_str(), home("/w/one", 1))]);
        assert_eq!(settle(&known, &long, &home("/w/moved", 1), Identify::Directory).0, long);
    }

    #[test]
    fn an_inode_that_was_given_again_is_another_directory() {
        let known = registry(&[("app", home("/w/app", 1))]);
        let later = Home { born_ns: Some(8), ..home("/w/other", 1) };
        assert_eq!(settle(&known, "other", &later, Identify::Directory).0, "other");
        let elsewhere = Home { device: 2, ..home("/w/other", 1) };
        assert_eq!(settle(&known, "other", &elsewhere, Identify::Directory).0, "other");
        let unknown = Home { born_ns: None, ..home("/w/other", 1) };
        assert_eq!(settle(&known, "other", &unknown, Identify::Directory).0, "app");
    }

    #[test]
    fn numbers_fit_into_a_name() {
        let long: ProjectName = format!("{}@{}", "a".repeat(63), "b".repeat(63)).parse().unwrap();
        let second = numbered(&long, 2).unwrap();
        assert!(is_numbered(&long, &second) && second.as_str().ends_with("b-2"));
        let is = |asked: &str, project: &str| is_numbered(&asked.parse().unwrap(), &project.parse().unwrap());
        assert!(is("app", "app@12") && is("app@x", "app@x-2") && is("app-2", "app-2"));
        assert!(!is("app", "app@1") && !is("app", "app@02") && !is("app", "app@x-2") && !is("app", "app-2"));
    }
}
