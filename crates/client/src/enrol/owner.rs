//! The first owner: makes the centre's root, its first epoch and its first bundle. From here on the centre's keys exist,
//! on this device and sealed at the platform, and nowhere else (R03).

use std::collections::BTreeMap;

use siegel_api::enrol::{EnrolOwner, Enrolled};
use siegel_api::keys::EpochChange;
use siegel_crypto::{EpochRing, bundle, epoch, roster};
use siegel_domain::Timestamp;
use siegel_envelope::roster::RosterDevice;
use siegel_envelope::{CodeKind, Roster, RosterChange};

use super::Enrolment;
use super::person::device_body;
use crate::error::{Error, Result};
use crate::http::{Auth, Request};
use crate::password::Password;
use crate::profile::ProfileDir;
use crate::rng;
use crate::time::now_ms;

impl Enrolment {
    /// Enrols the first owner.
    pub async fn owner(self, dir: &ProfileDir, login_name: &str, password: &Password) -> Result<()> {
        self.expect(CodeKind::Owner)?;
        let tenant = self.tenant_id()?;
        let keys = self.device_keys(dir)?;
        let person = self.new_person(&keys, login_name, password).await?;
        let now = Timestamp(now_ms());
        let rng = &mut rng::system();

        let device =
            RosterDevice { device: self.invite.device, sign: keys.sign.public(), kem: keys.kem.public().fingerprint() };
        let user_key = person.user_key.fingerprint();
        let change = RosterChange::Found { member: person.member, user_key, recovery_key: None, device };
        let first = roster::found(tenant, change, now, &keys.sign);
        let founded = Roster::found(first.bytes()).expect("an entry made by the rules it is checked by");
        let ring = EpochRing::first(tenant, rng);
        let (statement, entry) = epoch::announce(&ring, &founded, now, &keys.sign);
        let user_keys = BTreeMap::from([(person.member, person.user_key)]);
        let bundle = bundle::seal(&ring, &founded, &user_keys, None, &keys.sign, rng)
            .map_err(|error| Error::input("keys", error))?;

        let body = EnrolOwner {
            tenant,
            auth: self.auth(),
            device: device_body(&keys),
            person: person.body,
            roster_entry: first.to_bytes().into(),
            epoch: EpochChange {
                statement: statement.to_bytes().into(),
                bundle: bundle.to_bytes().into(),
                roster_entry: entry.to_bytes().into(),
            },
        };
        let request = Request::new("POST /v1/auth/enrol/owner", &[], Auth::Key(&keys.sign)).json(&body);
        let enrolled: Enrolled = self.http.json(&request).await?;
        let mut profile = self.profile(enrolled.device, Some(founded.root()))?;
        profile.person = Some(person.profile);
        dir.save(&profile)
    }
}
