//! Reading the files of a directory that tell of ports.

use std::{collections::BTreeMap, fs, io, path::Path};

use super::SOURCES;

/// The longest file that is read.
const LONGEST: u64 = 1 << 20;

/// The texts of a directory's files by name, or why one cannot be read.
#[derive(Debug, Default)]
pub(crate) struct Texts(BTreeMap<&'static str, Result<String, String>>);

impl Texts {
    /// Those of this directory. What is no file is none: a pipe would be
    /// waited for.
    pub(crate) fn read(dir: &Path) -> Self {
        let texts = SOURCES.iter().filter_map(|(name, _)| Some((*name, text(&dir.join(name))?)));
        Self(texts.collect())
    }

    pub(super) fn get(&self, name: &str) -> Option<&Result<String, String>> {
        self.0.get(name)
    }

    #[cfg(test)]
    pub(super) fn of(texts: &[(&'static str, &str)]) -> Self {
        Self(texts.iter().map(|(name, text)| (*name, Ok((*text).to_owned()))).collect())
    }
}

fn text(path: &Path) -> Option<Result<String, String>> {
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(error) => return Some(Err(error.to_string())),
    };
    if !metadata.is_file() {
        return None;
    }
    if metadata.len() > LONGEST {
        return Some(Err("it is longer than 1 MiB".to_owned()));
    }
    Some(fs::read_to_string(path).map_err(|error| error.to_string()))
}
