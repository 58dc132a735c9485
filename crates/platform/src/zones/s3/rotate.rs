//! A new secret in the place of the one that a bucket's user has, while others work with it.
//!
//! ```text
//! kept: old            zone: old       as it was
//! kept: new, old       zone: old       who has the old one goes on; who reads both is refused with the new one and takes the old one
//! kept: new, old       zone: new       who is refused with the old one reads both, and takes the new one
//! kept: new            zone: new       the old one opens nothing, and nobody keeps it
//! ```
//!
//! The user stays the same: a second one would need rights on the bucket by a policy, and a bucket whose owner changes is nobody's
//! for a moment. Whoever is interrupted starts over and goes on where it was, since both are kept until the zone takes the new one.

use http::{Method, StatusCode};
use object_store::Result;
use quick_xml::escape::escape;

use super::S3Zone;
use super::account::{self, Kept};
use super::admin::unkept;
use super::api::{Call, failed};
use super::unfit::Unfit;
use crate::parts::S3Accounts;
use crate::zones::{Bucket, Replaced};

impl S3Zone {
    /// Replaces the secret of a bucket's user. One rotation at a time.
    pub(super) async fn replace_secret(&self, bucket: &Bucket) -> Result<Replaced> {
        if self.0.accounts == S3Accounts::One {
            return Ok(Replaced::Nothing); // the administrator's own: it is changed at the provider and in the parts file
        }
        let name = account::name(self.0.name, bucket);
        let kept = self.0.keys.get(&name).await.map_err(unkept)?.ok_or_else(|| failed(Unfit::NoCredentials))?;
        let mut kept = Kept::read(&kept).map_err(unkept)?;
        if kept.former.is_none() {
            let drawn = account::drawn(&*self.0.rng);
            kept.former = Some(std::mem::replace(&mut kept.secret, drawn));
            self.0.keys.put(&name, &kept.to_json().map_err(unkept)?).await.map_err(unkept)?;
        }
        self.set_secret(&kept.access, &kept.secret).await?;
        self.takes(bucket, &kept).await?;
        kept.former = None;
        self.0.keys.put(&name, &kept.to_json().map_err(unkept)?).await.map_err(unkept)?;
        Ok(Replaced::Credentials)
    }

    /// Tells the zone which secret a user has.
    pub(super) async fn set_secret(&self, access: &str, secret: &str) -> Result<()> {
        let properties = format!("<MutableProps><Secret>{}</Secret></MutableProps>", escape(secret));
        let query = [("access", access)];
        let told = self.administrate(Method::PATCH, "/update-user".to_owned(), &query, properties).await?;
        told.success().map(drop)
    }

    /// Refuses to go on until the zone takes the new one: one of several gateways may have known the old one a moment ago.
    async fn takes(&self, bucket: &Bucket, kept: &Kept) -> Result<()> {
        let path = format!("/{}", bucket.as_str());
        let call = Call { method: Method::HEAD, path, ..Call::default() };
        match self.0.api.call(&kept.credential(), call).await? {
            // The bucket may not be there yet, or not any more: whose it would be is clear all the same.
            answer if answer.status == StatusCode::NOT_FOUND => Ok(()),
            answer => answer.success().map(drop),
        }
    }
}
