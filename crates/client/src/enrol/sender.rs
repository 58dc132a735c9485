//! A sender: a machine with keys of its own, which nobody has to type a password at.

use siegel_api::enrol::{EnrolSender, Enrolled};
use siegel_crypto::invite;
use siegel_envelope::CodeKind;

use super::Enrolment;
use super::person::device_body;
use crate::error::Result;
use crate::http::{Auth, Request};
use crate::profile::ProfileDir;

impl Enrolment {
    /// Enrols a sender. It can send at once; until a member confirms it, its records show as "not yet confirmed".
    /// Compare [`Enrolment::fingerprint`] with the centre first.
    pub async fn sender(self, dir: &ProfileDir) -> Result<()> {
        self.expect(CodeKind::Sender)?;
        let keys = self.device_keys(dir)?;
        let mac = invite::mac(&self.code.secret, &self.offer(&keys, None)?);
        let body = EnrolSender {
            tenant: self.tenant_id()?,
            auth: self.auth(),
            device: device_body(&keys),
            mac: mac.as_bytes().to_vec().into(),
        };
        let request = Request::new("POST /v1/auth/enrol/sender", &[], Auth::Key(&keys.sign)).json(&body);
        let enrolled: Enrolled = self.http.json(&request).await?;
        dir.save(&self.profile(enrolled.device, self.code.root)?)
    }
}
