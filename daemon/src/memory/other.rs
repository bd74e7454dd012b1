//! Where nobody has looked at what stays in memory.

use std::io;

/// Gives nothing back.
///
/// # Errors
/// None.
pub fn give_back_code() -> io::Result<u64> {
    Ok(0)
}
