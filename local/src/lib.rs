//! What the daemon and its clients do alike on one machine: where their files
//! are, whose they must be, the token in one of them, and which network a
//! process has. No socket, no clock.

pub mod network;
pub mod paths;
pub mod private;
mod token;

pub use token::{InvalidToken, Token, TokenError};

/// What a daemon that was started in the background ends with when another
/// one runs (EX_TEMPFAIL): whoever started it waits for that one.
pub const ALREADY_RUNNING: u8 = 75;
