//! Checks what a commit claims: that the caller's key signed the manifest, that the manifest is of exactly what lies here,
//! and that each named recipient got a grant under its current key. Nothing is written here.

use siegel_api::records::{CommitUpload, GrantItem};
use siegel_domain::limits::{RECIPIENTS, SEALED_METADATA_BYTES};
use siegel_domain::{ConversationId, Party, RecordId};
use siegel_envelope::manifest::{PartEntry, Recipient};
use siegel_envelope::signed::Invalid;
use siegel_envelope::{Digest, Fingerprint, Grant, GrantContext, Manifest, SignedBytes, SigningPublicKey, VerifyError};
use siegel_platform::{Problem, Reason};

use crate::access::Actor;
use crate::app::App;
use crate::error;
use crate::store::conversations::ConversationRow;
use crate::store::parts::PartRow;

/// What the platform knows of the record that is to be committed.
pub struct Here<'a> {
    /// The record.
    pub record: RecordId,
    /// The thread named when it was opened.
    pub conversation: Option<ConversationId>,
    /// The record named when it was opened.
    pub answers: Option<RecordId>,
    /// The parts, in order.
    pub parts: &'a [PartRow],
    /// The thread itself, if there is one.
    pub thread: Option<&'a ConversationRow>,
}

/// A commit that passed.
pub struct Verified {
    /// The manifest.
    pub manifest: Manifest,
    /// Hash of the signed manifest, as it came.
    pub manifest_hash: Digest,
    /// One grant for each named recipient.
    pub grants: Vec<VerifiedGrant>,
}

/// A grant that passed.
#[derive(Debug, Clone)]
pub struct VerifiedGrant {
    /// Whom it is sealed to.
    pub recipient: Party,
    /// Its hash.
    pub digest: Digest,
    /// As it came.
    pub bytes: Vec<u8>,
}

/// Checks a commit against what lies here.
pub async fn commit(app: &App, actor: &Actor, here: &Here<'_>, body: &CommitUpload) -> Result<Verified, Problem> {
    if body.sealed_metadata.len() > SEALED_METADATA_BYTES {
        return Err(Problem::invalid("sealed_metadata", "is longer than 64 KiB"));
    }
    if body.grants.len() > RECIPIENTS {
        return Err(Problem::invalid("grants", "are more than 64"));
    }
    let signed = SignedBytes::from_bytes_of::<Manifest>(&body.manifest).map_err(|error| unreadable(error.into()))?;
    let key = signing_key(app, actor, &signed.signer).await?;
    let manifest: Manifest = signed.open(&key).map_err(unreadable)?;
    fits(actor, here, &manifest, &body.sealed_metadata)?;
    let grants = one_grant_each(&manifest, &key, &body.grants)?;
    current_keys(app, actor, here.thread, &manifest.recipients).await?;
    Ok(Verified { manifest_hash: Digest::of(&body.manifest), manifest, grants })
}

/// The caller's key of this fingerprint. Someone else's signature is refused, whoever carries it here: otherwise a
/// ciphertext could be taken from its sender and committed as another's.
pub async fn signing_key(app: &App, actor: &Actor, signer: &Fingerprint) -> Result<SigningPublicKey, Problem> {
    let refused = || Problem::new(Reason::SignatureRefused).detail("Not signed by a key of yours that is in force.");
    let known = app.directory.signer(actor.tenant_id(), signer).await?.ok_or_else(refused)?;
    if known.principal == actor.principal { Ok(known.key) } else { Err(refused()) }
}

/// The manifest says what is here, and nothing else.
fn fits(actor: &Actor, here: &Here<'_>, manifest: &Manifest, sealed_metadata: &[u8]) -> Result<(), Problem> {
    if manifest.tenant != actor.tenant_id() {
        return Err(error::manifest("is of another tenant"));
    }
    if manifest.record != here.record {
        return Err(error::manifest("is of another record"));
    }
    if !actor.speaks_as.contains(&manifest.sender) {
        return Err(error::manifest("names another sender than the one who commits"));
    }
    if here.conversation != manifest.conversation {
        return Err(error::manifest("is of another conversation than the upload was opened for"));
    }
    if here.answers != manifest.answers {
        return Err(error::manifest("answers another record than the upload was opened for"));
    }
    if manifest.metadata_hash != Digest::of(sealed_metadata) {
        return Err(error::manifest("does not fit the sealed metadata"));
    }
    let missing = manifest.parts.len() > here.parts.len()
        || here.parts.iter().enumerate().any(|(at, part)| part.number as usize != at);
    if missing {
        return Err(Problem::new(Reason::PartMissing).detail("Send the missing parts, then commit again."));
    }
    let same =
        |(entry, part): (&PartEntry, &PartRow)| entry.digest == part.digest && entry.sealed_bytes == part.sealed_bytes;
    if manifest.parts.len() != here.parts.len() || !manifest.parts.iter().zip(here.parts).all(same) {
        return Err(error::manifest("lists other parts than were uploaded"));
    }
    Ok(())
}

fn one_grant_each(
    manifest: &Manifest,
    key: &SigningPublicKey,
    items: &[GrantItem],
) -> Result<Vec<VerifiedGrant>, Problem> {
    if items.len() != manifest.recipients.len() {
        return Err(
            Problem::new(Reason::GrantRefused).field("grants", "has to hold one grant for each named recipient")
        );
    }
    let mut verified: Vec<VerifiedGrant> = Vec::with_capacity(items.len());
    for (at, item) in items.iter().enumerate() {
        let grant = grant(at, item, manifest, key)?;
        let context = grant.1;
        if context.granter != manifest.sender || context.granter_key != manifest.sender_key {
            return Err(error::grant(at, "is not by the sender"));
        }
        let named = Recipient { party: context.recipient, key: context.recipient_key };
        if !manifest.recipients.contains(&named) {
            return Err(error::grant(at, "is for someone, or a key, that the manifest does not name"));
        }
        if verified.iter().any(|other| other.recipient == context.recipient) {
            return Err(error::grant(at, "is the second one for this recipient"));
        }
        verified.push(grant.0);
    }
    Ok(verified)
}

/// A grant that `key` signed, of this record and this content of it, for the recipient it says.
pub fn grant(
    at: usize,
    item: &GrantItem,
    manifest: &Manifest,
    key: &SigningPublicKey,
) -> Result<(VerifiedGrant, GrantContext), Problem> {
    let grant = Grant::from_bytes(&item.grant).map_err(|_| error::grant(at, "is not a grant"))?;
    let context = grant.verify(key).map_err(|error| match error {
        VerifyError::Signer | VerifyError::Signature => error::grant(at, "is not signed by its granter"),
        VerifyError::Algorithm(_) | VerifyError::Invalid(Invalid::Suite(_)) => Reason::UnsupportedVersion.into(),
        _ => error::grant(at, "is not a grant of a record's key"),
    })?;
    if !context.fits(manifest) {
        return Err(error::grant(at, "is of another record, or of other contents"));
    }
    if context.recipient != item.recipient {
        return Err(error::grant(at, "is for another recipient than it is labelled"));
    }
    let bytes = item.grant.to_vec();
    Ok((VerifiedGrant { recipient: context.recipient, digest: Digest::of(&bytes), bytes }, context))
}

/// Each recipient is known here and has this key now; one of a thread stands on one of its two sides.
pub async fn current_keys(
    app: &App,
    actor: &Actor,
    thread: Option<&ConversationRow>,
    recipients: &[Recipient],
) -> Result<(), Problem> {
    for (at, recipient) in recipients.iter().enumerate() {
        let unknown = |what| Problem::new(Reason::RecipientUnknown).field(format!("recipients[{at}]"), what);
        let other_sender = matches!(recipient.party, Party::Sender(_)) && !actor.speaks_as.contains(&recipient.party);
        if other_sender && actor.is_sender() {
            return Err(unknown("senders write to the institution, not to each other"));
        }
        if other_sender && thread.is_some_and(|thread| thread.second_party != recipient.party) {
            return Err(unknown("is not a side of this conversation"));
        }
        let known = app.directory.party(actor.tenant_id(), recipient.party).await?;
        let Some(known) = known else { return Err(unknown("is not known here, or has no key yet")) };
        if known.key != recipient.key {
            return Err(Reason::EpochChanged.into());
        }
    }
    Ok(())
}

fn unreadable(error: VerifyError) -> Problem {
    match error {
        VerifyError::Signer | VerifyError::Signature => {
            Problem::new(Reason::SignatureRefused).detail("The manifest's signature does not fit.")
        }
        VerifyError::Algorithm(_) | VerifyError::Invalid(Invalid::Suite(_)) => Reason::UnsupportedVersion.into(),
        VerifyError::Kind => error::manifest("is an object of another kind or version"),
        VerifyError::Invalid(Invalid::Rule(rule)) => error::manifest(rule),
        VerifyError::Decode(_) => error::manifest("is not readable, or not in the canonical encoding"),
    }
}
