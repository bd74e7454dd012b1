//! The token's file: made when there is none, and kept in its place.

use std::{io, path::Path};

use portlease_local::{Token, TokenError, private::PrivateError};

/// The token that is there, so that scripts which have it go on; else a new one.
///
/// # Errors
/// [`PrivateError`], when a new one cannot be put in its place.
pub fn take(path: &Path) -> Result<Token, PrivateError> {
    match Token::read(path) {
        Ok(token) => return Ok(token),
        Err(TokenError::Unreadable { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
        Err(error) => tracing::warn!("{error}: a new one takes its place"),
    }
    let token = Token::random().map_err(|source| PrivateError::Io { path: path.to_owned(), source })?;
    token.write(path)?;
    Ok(token)
}

/// Whether the file is there, this user's alone, and has this token in it.
#[must_use]
pub fn in_place(path: &Path, token: &Token) -> bool {
    Token::read(path).is_ok_and(|there| token.is(there.reveal().as_bytes()))
}

#[cfg(test)]
mod tests {
    use std::{
        fs::{self, File, Permissions},
        io::Write,
        os::unix::fs::{PermissionsExt, symlink},
    };

    use super::*;

    #[test]
    fn a_good_one_stays() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("token");
        let token = take(&path).unwrap();
        assert!(in_place(&path, &token));
        assert!(token.is(take(&path).unwrap().reveal().as_bytes()));
    }

    #[test]
    fn any_other_is_replaced() {
        let break_it: [fn(&Path); 4] = [
            |path| fs::remove_file(path).unwrap(),
            |path| File::create(path).unwrap().write_all(b"0123\n").unwrap(),
            |path| fs::set_permissions(path, Permissions::from_mode(0o644)).unwrap(),
            |path| {
                let aside = path.with_extension("aside");
                fs::rename(path, &aside).unwrap();
                symlink(aside, path).unwrap();
            },
        ];
        for (i, break_it) in break_it.iter().enumerate() {
            let temp = tempfile::tempdir().unwrap();
            let path = temp.path().join("token");
            let before = take(&path).unwrap();
            break_it(&path);
            assert!(!in_place(&path, &before), "{i}");
            let after = take(&path).unwrap();
            assert!(!after.is(before.reveal().as_bytes()), "{i}");
            assert!(in_place(&path, &after), "{i}");
            assert_eq!(fs::symlink_metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
        }
    }
}
