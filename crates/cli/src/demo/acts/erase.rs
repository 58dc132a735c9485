//! Erasing at once and for good: the receipts are verified, and both zones are looked at on the disk (M06).

use std::path::PathBuf;
use std::time::Duration;

use siegel_client::api::retention::{EraseTarget, ErasureState};
use siegel_client::{Code, VerifiedReceipt, verify_offline};
use siegel_domain::RecordId;

use super::super::search::files;
use super::super::story::{Cast, Play, wrong};
use crate::error::{Failure, Result};
use crate::ui::{bytes, date};

const PATIENCE: Duration = Duration::from_secs(60);
/// What may be left of a record: a signed note that it was erased.
const TOMBSTONE_BYTES: u64 = 4096;

/// Erases the records and looks.
pub(crate) async fn erases(play: &mut Play, cast: &Cast, records: &[RecordId]) -> Result<()> {
    play.tell.step("demo-act-erase", "M06 C10");
    let zones = play.stage.platform().join("zones");
    let before = files(std::slice::from_ref(&zones))?;
    play.tell.fact("demo-zones-before", &[("files", &before.len()), ("size", &size(play, &before)?)]);

    let mut objects = 0;
    for record in records {
        let erasure = cast.centre.erase(EraseTarget::Record(*record)).await?;
        let erasure = cast.centre.await_erasure(erasure, PATIENCE).await?;
        if erasure.state != ErasureState::Done || erasure.receipts.is_empty() {
            return Err(wrong("demo-wrong-erase"));
        }
        for id in erasure.receipts {
            let VerifiedReceipt::Erase(receipt) = cast.centre.receipt(id).await? else {
                return Err(wrong("demo-wrong-erase"));
            };
            for object in &receipt.objects {
                let left = files(std::slice::from_ref(&zones))?;
                if left.iter().any(|path| path.to_string_lossy().contains(&object.object)) {
                    return Err(wrong("demo-wrong-zones"));
                }
            }
            objects += receipt.objects.len();
            let horizon = date(play.tell.ui().lang, receipt.horizon.0);
            play.tell
                .fact("demo-erased", &[("record", record), ("objects", &receipt.objects.len()), ("horizon", &horizon)]);
        }
        let gone = cast.centre.open_record(*record).await.err().and_then(|error| error.code());
        if !matches!(gone, Some(Code::Gone | Code::NotFound)) {
            return Err(wrong("demo-wrong-erase"));
        }
    }
    let after = files(&[zones])?;
    if let Some(left) = too_large(&after)? {
        return Err(wrong("demo-wrong-zones").with("path", left.display()));
    }
    play.tell.fact("demo-zones-after", &[("files", &after.len()), ("size", &size(play, &after)?)]);
    play.tell.figure("objects_erased", objects);
    let kept = verify_kept(cast)?;
    play.tell.fact("demo-receipts-verified", &[("count", &kept)]);
    play.tell.done();
    Ok(())
}

/// Every receipt that anyone kept verifies without the platform.
fn verify_kept(cast: &Cast) -> Result<usize> {
    let mut kept = 0;
    for session in [&cast.centre, &cast.practice] {
        for receipt in session.dir().receipts()? {
            let bytes = std::fs::read(&receipt.path).map_err(Failure::file(&receipt.path))?;
            verify_offline(session.dir(), &bytes)?;
            kept += 1;
        }
    }
    if kept >= 4 { Ok(kept) } else { Err(wrong("demo-wrong-receipts")) }
}

fn size(play: &Play, paths: &[PathBuf]) -> Result<String> {
    let mut total = 0;
    for path in paths {
        total += std::fs::metadata(path).map_err(Failure::file(path))?.len();
    }
    Ok(bytes(play.tell.ui().lang, total))
}

fn too_large(paths: &[PathBuf]) -> Result<Option<PathBuf>> {
    for path in paths {
        if std::fs::metadata(path).map_err(Failure::file(path))?.len() > TOMBSTONE_BYTES {
            return Ok(Some(path.clone()));
        }
    }
    Ok(None)
}
