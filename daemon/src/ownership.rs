//! Own or stranger? Whether what is on a lease's port is the lease's own app.
//! Pure.

use std::path::Path;

use crate::processes::Process;

/// What is asked about.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The root of the lease, if it has one.
    pub root: Option<&'a Path>,
    /// Who made the socket, where the system tells.
    pub socket_uid: Option<u32>,
    /// The process that has it open, where it can be read.
    pub process: Option<&'a Process>,
    /// The user that leases are for.
    pub our_uid: u32,
}

/// Whether it is the lease's own app, given which directories are roots of
/// leases.
///
/// It must be this user's. With a root, its working directory must lie in that
/// root and in no deeper one; without, in no lease's root. It cannot be older
/// than the grant, because the grant's bind probe found nobody there. What
/// cannot be read is a stranger.
pub fn is_own(question: Question<'_>, is_root: impl Fn(&Path) -> bool) -> bool {
    let Some(cwd) = question.process.and_then(|process| process.cwd.as_deref()) else { return false };
    let home = cwd.ancestors().find(|dir| question.root == Some(*dir) || is_root(dir));
    question.socket_uid.is_none_or(|uid| uid == question.our_uid) && home == question.root
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_or_stranger() {
        const ROOTS: [&str; 3] = ["/code/app", "/code/app/sub", "/code/other"];
        let check = |root: Option<&str>, uid, cwd: Option<&str>| {
            let process = Process { cwd: cwd.map(Into::into), ..Process::default() };
            let question = Question {
                root: root.map(Path::new),
                socket_uid: Some(uid),
                process: Some(&process),
                our_uid: 1000,
            };
            is_own(question, |dir| ROOTS.iter().any(|root| dir == Path::new(root)))
        };
        for (root, uid, cwd, own) in [
            (Some("/code/app"), 1000, Some("/code/app"), true),
            (Some("/code/app"), 1000, Some("/code/app/web/src"), true),
            // In the root of a project inside this one.
            (Some("/code/app"), 1000, Some("/code/app/sub/x"), false),
            (Some("/code/app/sub"), 1000, Some("/code/app/sub/x"), true),
            // Begins with the same letters, and is another directory.
            (Some("/code/app"), 1000, Some("/code/app2"), false),
            (Some("/code/app"), 1000, Some("/tmp"), false),
            (Some("/code/app"), 1001, Some("/code/app"), false),
            (Some("/code/app"), 1000, None, false),
            (None, 1000, Some("/tmp"), true),
            (None, 1001, Some("/tmp"), false),
            (None, 0, Some("/tmp"), false),
            (None, 1000, Some("/code/other/x"), false),
            (None, 1000, None, false),
        ] {
            assert_eq!(check(root, uid, cwd), own, "{root:?} {uid} {cwd:?}");
        }
    }

    #[test]
    fn the_unreadable_is_a_stranger() {
        let question = Question { root: None, socket_uid: Some(1000), process: None, our_uid: 1000 };
        assert!(!is_own(question, |_| false));
    }
}
