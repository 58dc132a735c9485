//! Writing small files so that a crash leaves the old one or the new one, never half of either, and so that two processes
//! do not write the same one at once.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::Path;

/// Who may read what is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visibility {
    /// The owner alone (mode 0600).
    Private,
    /// Whoever may read the directory (mode 0644).
    Public,
}

/// Replaces `path` by `bytes`: a new file beside it, synced, renamed over it, and the directory synced.
pub fn replace(path: &Path, bytes: &[u8], visibility: Visibility) -> io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(directory)?;
    let mut name = path.file_name().ok_or_else(|| io::Error::other("a file needs a name"))?.to_owned();
    name.push(".new");
    let new = directory.join(name);
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = open_new(&new, visibility)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    drop(file);
    fs::rename(&new, path)?;
    sync_directory(directory)
}

/// Creates `path` with `bytes`; an error of kind `AlreadyExists` if there is one.
pub fn create(path: &Path, bytes: &[u8], visibility: Visibility) -> io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(directory)?;
    let mut file = open_new(path, visibility)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    sync_directory(directory)
}

#[cfg(unix)]
fn open_new(path: &Path, visibility: Visibility) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    let mode = match visibility {
        Visibility::Private => 0o600,
        Visibility::Public => 0o644,
    };
    OpenOptions::new().write(true).create_new(true).mode(mode).open(path)
}

#[cfg(not(unix))]
fn open_new(path: &Path, _: Visibility) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

/// Waits until no other process holds `path`, and holds it until the answer is dropped or the process ends, however it
/// ends. For the moments in which several programs on one state directory change the same thing; short ones, since the
/// thread waits. The file is made and stays; it holds nothing.
pub fn lock(path: &Path) -> io::Result<File> {
    let file = open_lock(path)?;
    file.lock()?;
    Ok(file)
}

/// The same without waiting; none if another process holds it, or this one did so before.
pub fn try_lock(path: &Path) -> io::Result<Option<File>> {
    let file = open_lock(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn open_lock(path: &Path) -> io::Result<File> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Makes a rename or a new name in `directory` survive a power loss.
#[cfg(unix)]
pub fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// Windows has no such call; its file systems journal names.
#[cfg(not(unix))]
pub fn sync_directory(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replacing_leaves_one_file_and_creating_never_overwrites() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("below/file");
        create(&path, b"first", Visibility::Private).unwrap();
        assert_eq!(create(&path, b"second", Visibility::Private).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        fs::write(dir.path().join("below/file.new"), b"left by a crash").unwrap();
        replace(&path, b"third", Visibility::Private).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"third");
        assert_eq!(fs::read_dir(dir.path().join("below")).unwrap().count(), 1);
    }

    #[test]
    fn a_lock_is_held_once_and_let_go_when_dropped() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let held = lock(&path).unwrap();
        assert!(try_lock(&path).unwrap().is_none());
        drop(held);
        assert!(try_lock(&path).unwrap().is_some());
    }
}
