//! Small things that many tests need.

use std::path::{Path, PathBuf};

use siegel_client::{Meter, Opened, Overwrite, Session};
use siegel_domain::RecordId;
use siegel_e2e::World;
pub(crate) use siegel_e2e::bytes;

/// A file outside the platform's state.
pub(crate) fn file(world: &World, name: &str, content: &[u8]) -> PathBuf {
    let path = world.outside(name);
    std::fs::write(&path, content).expect("a file of the test");
    path
}

/// Downloads and opens a record; what was in it.
pub(crate) async fn content(session: &Session, record: RecordId, at: &Path) -> siegel_client::Result<Vec<u8>> {
    let opened = session.open_record(record).await?;
    save(&opened, at).await
}

/// Downloads what was opened.
pub(crate) async fn save(opened: &Opened, at: &Path) -> siegel_client::Result<Vec<u8>> {
    opened.save(at, Overwrite::Yes, &Meter::default()).await?;
    Ok(std::fs::read(at).expect("what was saved is there"))
}

/// The code of the problem that `result` ended with.
pub(crate) fn code<T: std::fmt::Debug>(result: siegel_client::Result<T>) -> &'static str {
    match result {
        Ok(value) => panic!("expected a problem, got {value:?}"),
        Err(error) => match error.code() {
            Some(code) => code.as_str(),
            None => panic!("expected a problem, got {error:?}"),
        },
    }
}

/// Sealed parts in a zone: what is left are tombstones, which are small.
pub(crate) fn parts(world: &World, zone: &str) -> usize {
    world.objects(zone).iter().filter(|path| std::fs::metadata(path).is_ok_and(|meta| meta.len() > 4_096)).count()
}

/// The root in the keys that a session holds; the test of the memory fails if it does not stand there.
pub(crate) fn user_root(session: &Session) -> Vec<u8> {
    session.keys().unwrap()[17..49].to_vec()
}
