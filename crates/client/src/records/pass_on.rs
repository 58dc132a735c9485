//! Passing a record on: its key, sealed to one more recipient. Not a byte of the record travels.

use siegel_api::records::{AddGrants, GrantItem};
use siegel_crypto::grant;
use siegel_domain::Party;

use super::open::Opened;
use crate::error::{Error, Result, Untrusted};
use crate::http::Request;
use crate::rng;

impl Opened {
    /// Grants the record to someone else of this centre's roster. The recipient is shown who sent it and who passed it on.
    pub async fn pass_on(&self, to: impl Into<Party>) -> Result<()> {
        let recipient = self.session.recipient(to.into()).await?;
        let granter = (self.session.party()?, &self.session.device().sign);
        let manifest = self.opener.manifest();
        let sealed =
            grant::seal(manifest, self.opener.key(), (recipient.party, &recipient.key), granter, &mut rng::system())
                .map_err(|error| Error::from(Untrusted::Key(error.to_string())))?;
        let item = GrantItem { recipient: recipient.party, grant: sealed.to_bytes().into() };
        let body = AddGrants { grants: vec![item] };
        let record = self.record.id;
        let request = Request::new("POST /v1/records/{record}/grants", &[&record], self.session.auth()).json(&body);
        self.session.http().done(&request).await
    }
}
