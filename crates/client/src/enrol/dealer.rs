//! A dealer: creates centres, sees their state and its own comments, and never a key (C09).

use siegel_api::enrol::{EnrolDealer, Enrolled};
use siegel_envelope::CodeKind;

use super::Enrolment;
use crate::error::Result;
use crate::http::{Auth, Request};
use crate::profile::ProfileDir;

impl Enrolment {
    /// Enrols a dealer.
    pub async fn dealer(self, dir: &ProfileDir) -> Result<()> {
        self.expect(CodeKind::Dealer)?;
        let keys = self.device_keys(dir)?;
        let body = EnrolDealer { auth: self.auth(), sign_key: keys.sign.public().as_bytes().to_vec().into() };
        let request = Request::new("POST /v1/auth/enrol/dealer", &[], Auth::Key(&keys.sign)).json(&body);
        let enrolled: Enrolled = self.http.json(&request).await?;
        dir.save(&self.profile(enrolled.device, None)?)
    }
}
