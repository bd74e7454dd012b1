//! The token: what lets a program in over TCP where the connection alone does
//! not say whose it is. Whoever can read its file is this user.

use std::{
    fmt,
    fs::File,
    io::{self, Read},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    str::FromStr,
};

use rustix::fs::OFlags;
use subtle::ConstantTimeEq;

use crate::private::{self, PrivateError};

/// How many random bytes it is made of; its text has two digits for each.
const BYTES: usize = 32;

/// 32 random bytes as 64 hexadecimal digits. It is compared in constant time
/// and never shown by `Debug`.
#[derive(Clone)]
pub struct Token(String);

/// A token that is not to be had.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The file is not there, or cannot be read.
    #[error("the token {} cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file is another user's, or open to others.
    #[error("the token {} is not this user's alone", path.display())]
    NotOurs {
        /// The file.
        path: PathBuf,
    },
    /// There is no token in it.
    #[error("there is no token in {}: it would be 64 hexadecimal digits", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
    },
}

/// A text that is no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a token is 64 hexadecimal digits, the letters small")]
pub struct InvalidToken;

impl Token {
    /// A new one.
    ///
    /// # Errors
    /// As the system call that gives random bytes.
    pub fn random() -> io::Result<Self> {
        let mut bytes = [0; BYTES];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes.iter().map(|byte| format!("{byte:02x}")).collect()))
    }

    /// Reads it from its file, which must be this user's and nobody else's.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn read(path: &Path) -> Result<Self, TokenError> {
        let unreadable = |source| TokenError::Unreadable { path: path.to_owned(), source };
        // A pipe in its place would be waited for.
        let file = File::options()
            .read(true)
            .custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed())
            .open(path)
            .map_err(unreadable)?;
        let metadata = file.metadata().map_err(unreadable)?;
        let ours = rustix::process::geteuid().as_raw();
        if !metadata.is_file() || metadata.uid() != ours || metadata.mode() & 0o077 != 0 {
            return Err(TokenError::NotOurs { path: path.to_owned() });
        }
        let mut text = String::new();
        file.take(2 * BYTES as u64 + 2).read_to_string(&mut text).map_err(unreadable)?;
        text.strip_suffix('\n')
            .and_then(|digits| digits.parse().ok())
            .ok_or_else(|| TokenError::Malformed { path: path.to_owned() })
    }

    /// Writes it to its file, in one step and with mode 0600.
    ///
    /// # Errors
    /// [`PrivateError`].
    pub fn write(&self, path: &Path) -> Result<(), PrivateError> {
        private::replace(path, format!("{}\n", self.0).as_bytes())
    }

    /// The digits, to be sent or printed and nothing else.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether these bytes are the token. How long it takes says nothing about
    /// where they differ.
    #[must_use]
    pub fn is(&self, bytes: &[u8]) -> bool {
        self.0.as_bytes().ct_eq(bytes).into()
    }
}

impl FromStr for Token {
    type Err = InvalidToken;

    fn from_str(text: &str) -> Result<Self, InvalidToken> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let whole = text.len() == 2 * BYTES && text.bytes().all(is_digit);
        if whole { Ok(Self(text.to_owned())) } else { Err(InvalidToken) }
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs::{self, Permissions},
        io::Write,
        os::unix::fs::{PermissionsExt, symlink},
    };

    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("token");
        let token = Token::random().unwrap();
        token.write(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{}\n", token.reveal()));
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
        assert!(Token::read(&path).unwrap().is(token.reveal().as_bytes()));
        assert!(!Token::random().unwrap().is(token.reveal().as_bytes()), "two of them are alike");
    }

    #[test]
    fn only_all_of_it_is_it() {
        let token: Token = "0123456789abcdef".repeat(4).parse().unwrap();
        let text = token.reveal();
        assert!(token.is(text.as_bytes()));
        for other in ["", &text[1..], &format!("{text}0"), &text.to_uppercase(), &"0".repeat(64)] {
            assert!(!token.is(other.as_bytes()), "{other}");
        }
        assert!(!format!("{token:?}").contains("0123"));
    }

    #[test]
    fn what_is_no_token_is_not_taken_for_one() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("token");
        let good = "0123456789abcdef".repeat(4);
        for content in ["", "\n", &good, &format!("{good}\n\n"), &good.to_uppercase(), &format!("{good}0\n")]
        {
            let mut file = private::open(&path, File::options().write(true).truncate(true)).unwrap();
            file.write_all(content.as_bytes()).unwrap();
            assert!(matches!(Token::read(&path), Err(TokenError::Malformed { .. })), "{content:?}");
        }
    }

    #[test]
    fn a_file_that_others_can_reach_is_refused() {
        let temp = tempfile::tempdir().unwrap();
        let (path, link) = (temp.path().join("token"), temp.path().join("link"));
        assert!(matches!(Token::read(&path), Err(TokenError::Unreadable { .. })));
        Token::random().unwrap().write(&path).unwrap();
        symlink(&path, &link).unwrap();
        assert!(matches!(Token::read(&link), Err(TokenError::Unreadable { .. })));
        for mode in [0o640, 0o604, 0o660] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            assert!(matches!(Token::read(&path), Err(TokenError::NotOurs { .. })), "{mode:o}");
        }
        assert!(matches!(Token::read(temp.path()), Err(TokenError::NotOurs { .. })));
    }

    #[test]
    #[ignore = "needs root: .ci/run runs it"]
    fn another_users_file_is_refused() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("token");
        Token::random().unwrap().write(&path).unwrap();
        std::os::unix::fs::chown(&path, Some(65_534), None).unwrap();
        assert!(matches!(Token::read(&path), Err(TokenError::NotOurs { .. })));
    }
}
