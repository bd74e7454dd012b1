//! Whether standard error leads to the journal, which then gets entries with
//! fields (<https://systemd.io/JOURNAL_NATIVE_PROTOCOL/>).

use std::io;

/// What goes before the names of our fields there: `PORTLEASE_PROJECT`.
const PREFIX: &str = "PORTLEASE";

/// The way to the journal; none when standard error leads elsewhere.
pub(super) fn layer() -> Option<io::Result<tracing_journald::Layer>> {
    let said = std::env::var("JOURNAL_STREAM").ok()?;
    let stat = rustix::fs::fstat(io::stderr()).ok()?;
    // systemd.exec(5): what inherited the variable may have other streams.
    is_stream(&said, stat.st_dev, stat.st_ino).then(|| {
        let layer = tracing_journald::Layer::new()?;
        Ok(layer.with_field_prefix(Some(PREFIX.to_owned())).with_syslog_identifier("portlease".to_owned()))
    })
}

/// Whether `said` is `DEVICE:INODE` of that file.
fn is_stream<D: TryInto<u64>>(said: &str, device: D, inode: u64) -> bool {
    let said =
        said.split_once(':').and_then(|(device, inode)| Some((device.parse().ok()?, inode.parse().ok()?)));
    let (Some((said_device, said_inode)), Ok(device)) = (said, device.try_into()) else { return false };
    let said: (u64, u64) = (said_device, said_inode);
    said == (device, inode)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_very_stream_counts() {
        for (said, expected) in [
            ("9:4711", true),
            ("9:4712", false),
            ("8:4711", false),
            ("", false),
            ("9", false),
            ("9:x", false),
        ] {
            assert_eq!(is_stream(said, 9_u64, 4711), expected, "{said}");
        }
    }
}
