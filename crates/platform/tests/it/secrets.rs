//! The sealed file: what is damaged, moved or missing is refused with a sentence.

use std::path::PathBuf;
use std::sync::Arc;

use siegel_domain::{TenantId, Timestamp};
use siegel_platform::clock::ManualClock;
use siegel_platform::rng::{SeededRng, SystemRng};
use siegel_platform::secrets::{Secrets, SecretsError, contract};
use siegel_platform::sign::Signer;
use tempfile::TempDir;

const FIVE_MINUTES_MS: i64 = 5 * 60 * 1_000;

struct Case {
    dir: TempDir,
    clock: ManualClock,
}

impl Case {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), clock: ManualClock::new(Timestamp(0)) }
    }

    fn file(&self) -> PathBuf {
        self.dir.path().join("state/secrets.sealed")
    }

    fn key(&self) -> PathBuf {
        self.dir.path().join("elsewhere/siegel.key")
    }

    fn open(&self) -> Result<Secrets, SecretsError> {
        Secrets::open(&self.file(), &self.key(), Arc::new(self.clock.clone()), Arc::new(SystemRng))
    }

    fn refusal(&self) -> String {
        self.open().err().expect("it was opened").to_string()
    }
}

#[tokio::test]
async fn what_is_put_is_there_after_a_restart_and_nowhere_in_the_clear() {
    let case = Case::new();
    let secrets = case.open().unwrap();
    secrets.put("login/setup", b"canary-secret").await.unwrap();
    let drawn = secrets.get_or_create("sign/receipts", 32).await.unwrap();
    secrets.put("gone", b"x").await.unwrap();
    secrets.delete("gone").await.unwrap();
    drop(secrets);

    let again = case.open().unwrap();
    assert_eq!(again.get("login/setup").await.unwrap().unwrap().as_slice(), b"canary-secret");
    assert_eq!(again.get_or_create("sign/receipts", 32).await.unwrap(), drawn);
    assert!(again.get("gone").await.unwrap().is_none());
    for path in [case.file(), case.key()] {
        let bytes = std::fs::read(&path).unwrap();
        assert!(!bytes.windows(13).any(|window| window == b"canary-secret"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "{}", path.display());
        }
    }
}

#[tokio::test]
async fn a_changed_file_is_refused_wherever_it_was_changed() {
    let case = Case::new();
    case.open().unwrap().put("a", b"secret").await.unwrap();
    let good = std::fs::read(case.file()).unwrap();
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1;
        std::fs::write(case.file(), &bad).unwrap();
        assert!(case.open().is_err(), "byte {at} was changed and nobody noticed");
    }
    for cut in [0, 5, good.len() - 1] {
        std::fs::write(case.file(), &good[..cut]).unwrap();
        let said = case.refusal();
        assert!(said.contains("does not open") && said.contains("restore both from the same backup"), "{said}");
    }
    std::fs::write(case.file(), &good).unwrap();
    assert_eq!(
        case.open().unwrap().get("a").await.unwrap().unwrap().as_slice(),
        b"secret",
        "a refusal overwrites nothing"
    );
}

#[test]
fn a_missing_or_wrong_key_and_lost_secrets_each_have_a_sentence() {
    let case = Case::new();
    drop(case.open().unwrap());
    let key = std::fs::read(case.key()).unwrap();

    std::fs::remove_file(case.key()).unwrap();
    assert!(case.refusal().contains("put the key file back"));
    std::fs::write(case.key(), "not a key").unwrap();
    assert!(case.refusal().contains("is not a key file"));
    let other = Case::new();
    drop(other.open().unwrap());
    std::fs::copy(other.key(), case.key()).unwrap();
    assert!(case.refusal().contains("does not open with the key"));

    std::fs::write(case.key(), key).unwrap();
    drop(case.open().unwrap());
    std::fs::write(case.dir.path().join("state/provider.db"), b"").unwrap();
    std::fs::remove_file(case.file()).unwrap();
    assert!(case.refusal().contains("nobody can sign in"), "new secrets must not be made for an old platform");
    assert!(!case.file().exists());
}

#[tokio::test]
async fn the_sealed_file_keeps_the_contract_of_a_store_of_secrets() {
    let case = Case::new();
    let [one, other, service] = [(); 3].map(|()| Arc::new(case.open().unwrap()));
    let subject = contract::Subject { operators: [one, other], service, clock: case.clock.clone() };
    contract::run(&subject, &SystemRng).await.unwrap();
}

#[tokio::test]
async fn a_tenants_values_open_for_it_alone_and_never_again_once_its_key_is_destroyed() {
    let case = Case::new();
    let secrets = case.open().unwrap();
    let [ours, other] = [1, 2].map(|n| TenantId::from_bytes([n; 16]));
    assert!(matches!(secrets.wrap(ours, &["keys"], b"k").await, Err(SecretsError::NoTenantKey)));
    for tenant in [ours, other] {
        secrets.create_tenant_key(tenant).await.unwrap();
    }
    let place = ["keys", "rec_1", "shred_key"];
    let wrapped = secrets.wrap(ours, &place, b"shred key").await.unwrap();
    secrets.create_tenant_key(ours).await.unwrap();
    assert_eq!(secrets.unwrap(ours, &place, &wrapped).await.unwrap().as_slice(), b"shred key", "made once");
    assert!(secrets.unwrap(other, &place, &wrapped).await.is_err());
    assert!(secrets.unwrap(ours, &["keys", "rec_2", "shred_key"], &wrapped).await.is_err());
    let mut later_version = wrapped.clone();
    later_version[0] = 2;
    assert!(secrets.unwrap(ours, &place, &later_version).await.is_err());
    drop(secrets);

    let restarted = case.open().unwrap();
    assert_eq!(restarted.unwrap(ours, &place, &wrapped).await.unwrap().as_slice(), b"shred key");
    case.clock.advance_ms(FIVE_MINUTES_MS);
    assert_eq!(restarted.unwrap(ours, &place, &wrapped).await.unwrap().as_slice(), b"shred key");
    restarted.destroy_tenant_key(ours).await.unwrap();
    restarted.destroy_tenant_key(ours).await.unwrap();
    assert!(matches!(restarted.unwrap(ours, &place, &wrapped).await, Err(SecretsError::NoTenantKey)), "at once");
    restarted.create_tenant_key(ours).await.unwrap();
    assert!(restarted.unwrap(ours, &place, &wrapped).await.is_err(), "a new key opens nothing old");
    let text = std::fs::read(case.file()).unwrap();
    drop(restarted);
    assert!(!text.windows(9).any(|window| window == b"shred key"));
}

#[tokio::test]
async fn the_platform_signs_with_the_same_key_after_a_restart() {
    use siegel_domain::{ReceiptId, RecordId};
    use siegel_envelope::bytes::Digest;
    use siegel_envelope::receipt::{UploadReceipt, ZoneHolds};
    use siegel_envelope::signed::Signed;

    let case = Case::new();
    let (path, key) = (case.file(), case.key());
    let open = |seed| Secrets::open(&path, &key, Arc::new(case.clock.clone()), Arc::new(SeededRng::new(seed))).unwrap();
    let signer = Signer::load(&open(1), "sign/receipts").await.unwrap();
    let receipt = UploadReceipt {
        receipt: ReceiptId::from_bytes([1; 16]),
        tenant: TenantId::from_bytes([2; 16]),
        record: RecordId::from_bytes([3; 16]),
        manifest: Digest::of(b"manifest"),
        committed: Timestamp(7),
        parts: 1,
        sealed_bytes: 100,
        zones: vec![ZoneHolds { zone: "a".to_owned(), jurisdiction: "DE".to_owned(), parts: 1 }],
    };
    let bytes = signer.sign(receipt.clone()).to_bytes();
    let again = Signer::load(&open(2), "sign/receipts").await.unwrap();
    assert_eq!(again.public_key(), signer.public_key());
    assert_eq!(Signed::<UploadReceipt>::open(&bytes, again.public_key()).unwrap().into_value(), receipt);
    let other = Signer::load(&open(3), "sign/other").await.unwrap();
    assert!(Signed::<UploadReceipt>::open(&bytes, other.public_key()).is_err());
}
