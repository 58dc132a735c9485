//! Making and opening grants. The wire form and the granter's signature are in [`siegel_envelope::grant`].

use rand_core::CryptoRng;
use siegel_domain::Party;
use siegel_envelope::cbor::Blob;
use siegel_envelope::{Grant, GrantContext, KemPublicKey, Manifest, SigningPublicKey};

use crate::keys::{KemSecretKey, SigningSecretKey};
use crate::secret::RecordKey;
use crate::{BadRecipientKey, OpenError, hpke_box};

/// Grants the record of `manifest` to `recipient`, sealed to `to`. Where `to` comes from decides everything: from a
/// verified roster or epoch statement, never from a server's word.
pub fn seal(
    manifest: &Manifest,
    key: &RecordKey,
    recipient: (Party, &KemPublicKey),
    granter: (Party, &SigningSecretKey),
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<Grant, BadRecipientKey> {
    let to = (recipient.0, recipient.1.fingerprint());
    let context = GrantContext::new(manifest, to, (granter.0, granter.1.fingerprint()));
    seal_with_context(&context, key, recipient.1, granter.1, rng)
}

/// Seals and signs with a context as it is. [`seal`] makes the right one; this is for what grants something else.
pub fn seal_with_context(
    context: &GrantContext,
    key: &RecordKey,
    to: &KemPublicKey,
    granter: &SigningSecretKey,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<Grant, BadRecipientKey> {
    let info = context.to_info();
    let (enc, ct) = hpke_box::seal_key(to, &info, &key.0, rng)?;
    let signature = granter.sign_bytes(&Grant::message(&info, &enc, &ct));
    Ok(Grant { info: Blob(info), enc, ct, signature })
}

/// Opens a grant: made and signed by `granter`, for the record of `manifest`, to `recipient` and its key. Whether this granter
/// may grant the record at all is for the caller to judge: the sender, or a member of a named recipient.
pub fn open(
    grant: &Grant,
    granter: (Party, &SigningPublicKey),
    manifest: &Manifest,
    recipient: (Party, &KemSecretKey),
) -> Result<RecordKey, OpenError> {
    let context = grant.verify(granter.1).map_err(|_| OpenError::Authentication)?;
    let to = recipient.1.public().fingerprint();
    let parties = context.granter == granter.0 && context.recipient == recipient.0 && context.recipient_key == to;
    if !parties || !context.fits(manifest) {
        return Err(OpenError::Authentication);
    }
    hpke_box::open_key(&recipient.1.0, &grant.enc, &grant.info.0, &grant.ct).map(RecordKey)
}
