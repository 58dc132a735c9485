//! What tests do to a bucket behind the platform's back, as an administrator of the zone could.

use http::Method;

use super::api::Call;
use super::{S3Zone, versions};
use crate::zones::{Bucket, ObjectName};

impl S3Zone {
    /// Asks the zone as its administrator. Returns the status and the body.
    pub async fn ask(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        headers: &[(&'static str, &str)],
        body: &str,
    ) -> object_store::Result<(u16, String)> {
        let call = Call { method, path: path.to_owned(), query, headers, body: body.to_owned() };
        let answer = self.0.api.call(&self.0.administrator, call).await?;
        Ok((answer.status.as_u16(), answer.body))
    }

    /// How many versions of an object there are, markers included.
    pub async fn versions(&self, bucket: &Bucket, name: &ObjectName) -> object_store::Result<usize> {
        let found = versions::of_object(&self.0.api, &self.0.administrator, bucket, name.as_str()).await?;
        Ok(found.len())
    }
}
