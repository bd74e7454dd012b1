//! What the text of a `.git` file tells. Nothing is looked up: the repository
//! that it points to may have been moved away.
//!
//! The places are those of gitrepository-layout(5): a linked worktree has
//! `COMMON/worktrees/ID`, a submodule `COMMON/modules/NAME`, and one in a
//! linked worktree `COMMON/worktrees/ID/modules/NAME`.

use std::path::{Component, Path, PathBuf};

/// What the `.git` of a checkout points to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct GitFile {
    /// What the main checkout is called; none if that is this checkout.
    pub(super) main: Option<String>,
    /// Git's id of the linked worktree.
    pub(super) worktree: Option<String>,
}

/// Reads the text of the `.git` file in `dir`.
pub(super) fn read(text: &str, dir: &Path) -> Option<GitFile> {
    let target = text.strip_prefix("gitdir:")?.trim();
    if target.is_empty() {
        return None;
    }
    let target = lexical(&dir.join(target));
    let parts: Vec<&str> = target.iter().filter_map(|part| part.to_str()).collect();
    if let [.., "worktrees", id] = parts[..] {
        let common = target.parent()?.parent()?;
        return Some(GitFile { main: main_checkout(common), worktree: Some(id.to_owned()) });
    }
    // The checkout of a submodule has the submodule's name.
    let inside = parts
        .array_windows()
        .find(|[worktrees, _, modules]| *worktrees == "worktrees" && *modules == "modules");
    Some(GitFile { main: None, worktree: inside.map(|[_, id, _]| (*id).to_owned()) })
}

/// What the checkout of a repository is called: the directory that has it as
/// `.git` (or `.bare`, which some keep beside their worktrees), or else itself.
fn main_checkout(common: &Path) -> Option<String> {
    let name = common.file_name()?.to_str()?;
    if name.starts_with('.') {
        return Some(common.parent()?.file_name()?.to_str()?.to_owned());
    }
    let bare = name.strip_suffix(".git").filter(|bare| !bare.is_empty());
    Some(bare.unwrap_or(name).to_owned())
}

/// Without `.` and `..`, by the text alone.
fn lexical(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => {
                out.pop();
            }
            Component::CurDir => {}
            component => out.push(component),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_git_files_say() {
        for (text, main, worktree) in [
            ("gitdir: /w/app/.git/worktrees/fix\n", Some("app"), Some("fix")),
            ("gitdir: ../app/.git/worktrees/fix", Some("app"), Some("fix")),
            ("gitdir: /w/app/.git/worktrees/fix1\r\n", Some("app"), Some("fix1")),
            ("gitdir: /srv/app.git/worktrees/fix\n", Some("app"), Some("fix")),
            ("gitdir: /w/app/.bare/worktrees/main\n", Some("app"), Some("main")),
            ("gitdir: /w/super/.git/modules/sub/worktrees/fix\n", Some("sub"), Some("fix")),
            ("gitdir: ../.git/modules/libs/sub\n", None, None),
            ("gitdir: /w/app/.git/worktrees/fix/modules/sub\n", None, Some("fix")),
            ("gitdir: /elsewhere/app.git\n", None, None),
        ] {
            let expected = GitFile { main: main.map(str::to_owned), worktree: worktree.map(str::to_owned) };
            assert_eq!(read(text, Path::new("/w/checkout")), Some(expected), "{text}");
        }
        for text in ["", "gitdir:", "gitdir: \n", "gitlink: /w/app/.git", "\u{0}"] {
            assert_eq!(read(text, Path::new("/w/checkout")), None, "{text:?}");
        }
    }
}
