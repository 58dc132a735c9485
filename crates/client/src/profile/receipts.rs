//! Receipts as files: what the platform signed is kept where the platform can't change it.

use std::path::PathBuf;

use siegel_domain::ReceiptId;

use super::ProfileDir;
use crate::error::{Error, Result};
use crate::os;

/// Receipts that are listed at once.
const LISTED: usize = 10_000;

/// A receipt on disk: the exact signed bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredReceipt {
    /// The receipt.
    pub id: ReceiptId,
    /// The file.
    pub path: PathBuf,
}

impl ProfileDir {
    /// Keeps a receipt. The same one again changes nothing.
    pub fn keep_receipt(&self, id: ReceiptId, signed: &[u8]) -> Result<PathBuf> {
        let dir = self.path().join("receipts");
        os::private_dir(&dir).map_err(Error::file(&dir))?;
        let path = dir.join(format!("{id}.receipt"));
        os::replace(&path, signed).map_err(Error::file(&path))?;
        Ok(path)
    }

    /// The receipts that were kept.
    pub fn receipts(&self) -> Result<Vec<StoredReceipt>> {
        let dir = self.path().join("receipts");
        let entries = match std::fs::read_dir(&dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(Error::file(&dir)(error)),
        };
        let mut receipts = Vec::new();
        for entry in entries.take(LISTED) {
            let path = entry.map_err(Error::file(&dir))?.path();
            let id = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse().ok());
            if let Some(id) = id {
                receipts.push(StoredReceipt { id, path });
            }
        }
        receipts.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(receipts)
    }

    /// The bytes of a receipt that was kept.
    pub fn receipt(&self, id: ReceiptId) -> Result<Option<Vec<u8>>> {
        let path = self.path().join("receipts").join(format!("{id}.receipt"));
        match std::fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::file(&path)(error)),
        }
    }
}
