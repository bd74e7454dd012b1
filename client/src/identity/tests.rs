//! The walk over file systems that are a list of paths.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use super::{Identity, IdentityError, NamedBy, files::Files, walk};

/// Files and their text.
#[derive(Default)]
struct FixedFiles {
    texts: BTreeMap<PathBuf, String>,
    strangers: BTreeMap<PathBuf, u32>,
}

impl FixedFiles {
    fn of(files: &[(&str, &str)]) -> Self {
        let texts = files.iter().map(|(path, text)| (PathBuf::from(path), (*text).to_owned())).collect();
        Self { texts, ..Self::default() }
    }
}

impl Files for FixedFiles {
    fn text(&self, path: &Path) -> io::Result<Option<String>> {
        match self.texts.get(path) {
            Some(text) if text == "unreadable" => Err(io::ErrorKind::PermissionDenied.into()),
            text => Ok(text.cloned()),
        }
    }

    fn exists(&self, path: &Path) -> bool {
        self.texts.contains_key(path)
    }

    fn stranger(&self, path: &Path) -> Option<u32> {
        self.strangers.get(path).copied()
    }
}

fn find(files: &FixedFiles, start: &str) -> Result<Option<Identity>, IdentityError> {
    walk::identify(files, Path::new(start), Some(Path::new("/home/ada")))
}

fn shown(files: &[(&str, &str)], start: &str) -> Option<String> {
    let found = find(&FixedFiles::of(files), start).unwrap();
    found.map(|found| format!("{} {}", found.project, found.root.display()))
}

const HEAD: &str = "ref: refs/heads/main";

#[test]
fn the_nearest_counts() {
    let files = [
        ("/home/ada/.git/HEAD", HEAD),
        ("/home/ada/portlease.toml", "project = \"home\""),
        ("/home/ada/src/shop/.git/HEAD", HEAD),
        ("/home/ada/src/shop/portlease.toml", "project = \"store\""),
        ("/home/ada/src/shop/packages/api/portlease.toml", "project = \"api\""),
        ("/home/ada/src/shop/packages/web/portlease.toml", "[services.web]"),
        ("/home/ada/src/shop/.worktrees/fix/.git", "gitdir: /home/ada/src/shop/.git/worktrees/fix"),
        ("/home/ada/src/shop/libs/sub/.git", "gitdir: ../../.git/modules/libs/sub"),
        ("/home/ada/src/blog/.git/HEAD", HEAD),
        ("/home/ada/src/notes/portlease.toml", ""),
        ("/home/ada/src/broken/.git", "nonsense"),
    ];
    for (start, expected) in [
        ("/home/ada", None),
        ("/home/ada/elsewhere", None),
        ("/home/ada/src/broken", None),
        ("/srv", None),
        ("/", None),
        ("/home/ada/src/shop", Some("store /home/ada/src/shop")),
        ("/home/ada/src/shop/packages/x", Some("store /home/ada/src/shop")),
        ("/home/ada/src/shop/packages/api/src", Some("api /home/ada/src/shop/packages/api")),
        ("/home/ada/src/shop/packages/web", Some("shop /home/ada/src/shop/packages/web")),
        ("/home/ada/src/shop/.worktrees/fix/a", Some("shop@fix /home/ada/src/shop/.worktrees/fix")),
        ("/home/ada/src/shop/libs/sub", Some("sub /home/ada/src/shop/libs/sub")),
        ("/home/ada/src/blog/.git/hooks", Some("blog /home/ada/src/blog")),
        ("/home/ada/src/notes", Some("notes /home/ada/src/notes")),
    ] {
        assert_eq!(shown(&files, start).as_deref(), expected, "{start}");
    }
}

#[test]
fn worktrees_have_the_name_of_their_main_checkout_or_of_the_manifest() {
    let git = ("/w/fix/.git", "gitdir: /gone/shop/.git/worktrees/fix 1");
    assert_eq!(shown(&[git], "/w/fix"), Some("shop@fix-1 /w/fix".to_owned()));
    let manifest = ("/w/fix/portlease.toml", "project = \"store\"");
    assert_eq!(shown(&[git, manifest], "/w/fix"), Some("store@fix-1 /w/fix".to_owned()));
    let inner = ("/w/fix/api/portlease.toml", "project = \"api\"");
    assert_eq!(shown(&[git, inner], "/w/fix/api"), Some("api@fix-1 /w/fix/api".to_owned()));
    let odd = ("/w/x/.git", "gitdir: /w/shop/.git/worktrees/日本");
    assert_eq!(shown(&[odd], "/w/x"), Some("shop@worktree /w/x".to_owned()));
}

#[test]
fn who_named_it() {
    let files = FixedFiles::of(&[("/w/a/portlease.toml", "project = \"b\""), ("/w/c/portlease.toml", "")]);
    assert_eq!(find(&files, "/w/a").unwrap().unwrap().named_by, NamedBy::Manifest);
    assert_eq!(find(&files, "/w/c").unwrap().unwrap().named_by, NamedBy::Directory);
}

#[test]
fn a_manifest_of_a_stranger_or_out_of_reach_is_not_passed_over() {
    let mut files = FixedFiles::of(&[("/w/portlease.toml", ""), ("/w/a/.git", "unreadable")]);
    let error = find(&files, "/w/a").unwrap_err();
    assert!(matches!(&error, IdentityError::Unreadable { path, .. } if path == Path::new("/w/a/.git")));
    files.strangers.insert("/w/portlease.toml".into(), 1001);
    let error = find(&files, "/w/b").unwrap_err();
    assert!(matches!(&error, IdentityError::AnotherUser { uid: 1001, .. }), "{error}");
}

#[test]
fn no_name_can_be_made_of_some_directories() {
    for (path, start) in [("/w/日本語/.git/HEAD", "/w/日本語"), ("/.git/HEAD", "/srv")] {
        let error = find(&FixedFiles::of(&[(path, HEAD)]), start).unwrap_err();
        assert!(matches!(error, IdentityError::NoName { .. }), "{error}");
    }
    let named = [("/w/日本語/.git/HEAD", HEAD), ("/w/日本語/portlease.toml", "project = \"nihongo\"")];
    assert_eq!(shown(&named, "/w/日本語"), Some("nihongo /w/日本語".to_owned()));
}
