//! Someone else: another centre's owner, who asks the platform for the record, and then gets hold of everything that lies
//! there about it, manifest, grants and bytes, and still can't open it (C06, C09).

use siegel_client::Code;
use siegel_client::api::records::Record;
use siegel_crypto::{KemSecretKey, UserRoot, grant};
use siegel_domain::{Party, RecordId};
use siegel_envelope::{Grant, Manifest, Signed};

use super::super::story::{Cast, Play, wrong};
use super::{centre, dealer};
use crate::error::Result;

/// Tries and fails.
pub(crate) async fn fails(play: &mut Play, cast: &Cast, sent: RecordId) -> Result<()> {
    play.tell.step("demo-act-stranger", "C06 C09 R09");
    let name = play.tell.ui().text("demo-stranger-name", &[]);
    let (_, code) = cast.dealer.create_tenant(dealer::new("fremde-praxis", name)).await?;
    let dir = play.stage.profile("stranger");
    let (stranger, _) = centre::owner(play, &dir, &code).await?;

    let refused = stranger.open_record(sent).await.err().and_then(|error| error.code());
    if refused != Some(Code::NotFound) {
        return Err(wrong("demo-wrong-stranger"));
    }
    play.tell.fact("demo-stranger-asks", &[]);

    // Now the platform leaks everything about the record to them, and they even know whose signature to expect.
    let leaked = cast.centre.open_record(sent).await?;
    let directory = cast.centre.directory().await?;
    let sender_key = directory.signer(leaked.from, &leaked.manifest().sender_key).ok_or(wrong("demo-wrong-list"))?;
    let manifest = Signed::<Manifest>::open(&leaked.record.manifest, sender_key)
        .map_err(|error| crate::error::Failure::from(siegel_client::Untrusted::Manifest(error.to_string())))?;
    let mut keys = vec![stranger.dir().device_keys()?.kem];
    keys.extend(stranger.ring().await?.iter().map(|seed| seed.inbox_key()));
    keys.push(UserRoot::generate(&mut siegel_client::rng::system()).user_key());
    let tried = try_all(&leaked.record, &manifest, (leaked.from, sender_key), &keys);
    if tried.opened || tried.attempts == 0 {
        return Err(wrong("demo-wrong-stranger"));
    }
    play.tell.fact("demo-stranger-tries", &[("attempts", &tried.attempts)]);
    play.tell.figure("attempts", tried.attempts);
    play.tell.done();
    Ok(())
}

struct Tried {
    attempts: u32,
    opened: bool,
}

/// Every grant with every key that the stranger has, in the name of every party that it might be for.
fn try_all(
    record: &Record,
    manifest: &Manifest,
    granter: (Party, &siegel_envelope::SigningPublicKey),
    keys: &[KemSecretKey],
) -> Tried {
    let mut tried = Tried { attempts: 0, opened: false };
    for item in &record.grants {
        let Ok(sealed) = Grant::from_bytes(&item.grant) else { continue };
        for key in keys {
            tried.attempts += 1;
            tried.opened |= grant::open(&sealed, granter, manifest, (item.recipient, key)).is_ok();
        }
    }
    tried
}
