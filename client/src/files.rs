//! Files of a project, replaced as a whole by renaming: no reader ever sees half
//! of one.

use std::{
    fs::{self, Metadata, Permissions},
    io::{self, Write},
    os::unix::fs::{MetadataExt, PermissionsExt, fchown},
    path::{Path, PathBuf},
};

/// The file that a path leads to. It need not be there yet, but its directory.
pub(crate) fn target(path: &Path) -> io::Result<PathBuf> {
    match path.canonicalize() {
        Ok(target) => Ok(target),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // A link into the void would be replaced, not followed.
            if fs::symlink_metadata(path).is_ok() {
                return Err(error);
            }
            let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
            let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
            Ok(dir.canonicalize()?.join(name))
        }
        Err(error) => Err(error),
    }
}

/// The new text beside the file, with what the file's mode and owner are.
pub(crate) fn beside(
    target: &Path,
    text: &[u8],
    like: Option<&Metadata>,
) -> io::Result<tempfile::NamedTempFile> {
    let dir = target.parent().ok_or(io::ErrorKind::InvalidInput)?;
    // The mode of a new file, of which the umask takes its part.
    let mut builder = tempfile::Builder::new();
    builder.prefix(".portlease-");
    if like.is_none() {
        builder.permissions(Permissions::from_mode(0o666));
    }
    let mut temp = builder.tempfile_in(dir)?;
    temp.write_all(text)?;
    if let Some(like) = like {
        let own = temp.as_file().metadata()?;
        if (own.uid(), own.gid()) != (like.uid(), like.gid()) {
            fchown(temp.as_file(), Some(like.uid()), Some(like.gid()))?;
        }
        temp.as_file().set_permissions(like.permissions())?;
    }
    temp.as_file().sync_all()?;
    Ok(temp)
}
