//! What an administrator has to change before a bucket can be used, in sentences. Such an answer says nothing of the zone
//! itself: it becomes [`ZoneError::Refused`](crate::zones::ZoneError::Refused), which cuts nobody else off.

use http::StatusCode;

use crate::zones::Bucket;
use crate::zones::error::causes;

/// Why a bucket is not used.
#[derive(Debug, thiserror::Error)]
pub(in crate::zones) enum Unfit {
    #[error("the zone denies access ({status} {code}): credentials, the bucket's owner and both clocks have to agree")]
    Denied { status: StatusCode, code: String },
    #[error("the bucket is not there: is the zone's disk mounted? Provisioning makes a bucket again at its next pass")]
    NoBucket,
    #[error("the secrets hold no credentials for this bucket: provisioning makes them with the bucket")]
    NoCredentials,
    #[error("bucket {0} is there and belongs to another account: it is not taken over, remove it")]
    NotOurs(String),
    #[error(
        "bucket {0} asks for a second factor to delete a version, so nothing in it could be erased: switch MFA delete off"
    )]
    SecondFactor(String),
    #[error(
        "bucket {bucket} locks every object that is written ({mode}), so nothing in it could be erased in time: take the \
         default retention out of its object lock"
    )]
    Locks { bucket: String, mode: String },
}

impl Unfit {
    pub(super) fn not_ours(bucket: &Bucket) -> Self {
        Self::NotOurs(bucket.as_str().to_owned())
    }

    pub(super) fn second_factor(bucket: &Bucket) -> Self {
        Self::SecondFactor(bucket.as_str().to_owned())
    }

    pub(super) fn locks(bucket: &Bucket, mode: String) -> Self {
        Self::Locks { bucket: bucket.as_str().to_owned(), mode }
    }
}

/// Whether credentials were the reason, so that others may help.
pub(super) fn denied(error: &object_store::Error) -> bool {
    causes(error).any(|cause| matches!(cause.downcast_ref(), Some(Unfit::Denied { .. })))
}
