//! Where the device's private keys lie. Today: a file of mode 0600 beside the profile. The operating system's key store
//! (Secret Service, Windows credentials) comes behind a feature and replaces these two functions, nothing else.

use siegel_crypto::DeviceKeys;
use zeroize::Zeroizing;

use super::ProfileDir;
use crate::error::{Error, Result};
use crate::os;

const FILE: &str = "device.key";

impl ProfileDir {
    /// The device's keys.
    pub fn device_keys(&self) -> Result<DeviceKeys> {
        let path = self.path().join(FILE);
        let bytes = Zeroizing::new(std::fs::read(&path).map_err(Error::file(&path))?);
        if os::readable_by_others(&path).map_err(Error::file(&path))? {
            return Err(Error::profile(&path, "others may read it; set its mode to 0600 and enrol the device anew"));
        }
        DeviceKeys::from_bytes(&bytes).ok_or_else(|| Error::profile(&path, "is damaged"))
    }

    /// Stores the keys of a new device. Keys that are there already are never overwritten.
    pub fn store_device_keys(&self, keys: &DeviceKeys) -> Result<()> {
        os::private_dir(self.path()).map_err(Error::file(self.path()))?;
        let path = self.path().join(FILE);
        os::create_new(&path, &keys.to_bytes()).map_err(Error::file(&path))
    }
}
