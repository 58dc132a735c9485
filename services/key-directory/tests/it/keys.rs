//! Keys as clients verify them.

use siegel_api::auth::ServerInfo;
use siegel_api::keys::{KeyAnswer, KeyProof, RosterPage, SealedBundle};
use siegel_crypto::roster;
use siegel_domain::{Party, Role};
use siegel_envelope::directory::{Checkpoint, KeyBundle, KeyStatement};
use siegel_envelope::epoch::EpochStatement;
use siegel_envelope::{
    Fingerprint, KemPublicKey, Roster, RosterChange, RosterEntry, Signed, SignedBytes, SigningPublicKey,
};
use siegel_proto::keydirectory::v1::{ResolvePartyRequest, ResolveSignerRequest};

use crate::people::{Machine, Person, centre, epoch_change};
use crate::world::{Answer, ClientRng, World, world};

/// What a client checks of an answer: the statement is the server's, over exactly these keys, of this roster and epoch.
async fn verified(world: &World, machine: &Machine, roster: &Roster, party: Party) -> KemPublicKey {
    let info: ServerInfo = world.send(("GET", "/v1/info"), None, &[], (None, None)).await.ok();
    let server = SigningPublicKey::from_bytes(info.statement_key.array().unwrap()).unwrap();
    let answer: KeyAnswer = machine.get(world, &format!("/v1/keys/{party}")).await.ok();
    let kem = KemPublicKey::from_slice(&answer.bundle.kem_key).unwrap();
    let sign = answer.bundle.sign_keys.iter().map(|key| SigningPublicKey::from_bytes(key.array().unwrap()).unwrap());
    let epoch = answer.bundle.epoch_statement.as_ref().map(|statement| {
        let signed = SignedBytes::from_bytes_of::<EpochStatement>(statement).unwrap();
        EpochStatement::open_current(&signed, roster).unwrap().number
    });
    let bundle = KeyBundle { tenant: roster.tenant(), party, kem: kem.clone(), sign: sign.collect(), epoch };
    let KeyProof::Statement { statement } = &answer.proof;
    let statement = Signed::<KeyStatement>::open(statement, &server).unwrap();
    assert_eq!((statement.bundle, statement.roster, statement.party), (bundle.digest(), roster.head(), party));
    let checkpoint = Signed::<Checkpoint>::open(&answer.checkpoint, &server).unwrap();
    assert_eq!((checkpoint.root, checkpoint.sequence), (roster.root(), roster.length()));
    assert_eq!(checkpoint.epoch, roster.epoch().unwrap().number);
    if let Some(entry) = &answer.bundle.roster_entry {
        let signed = SignedBytes::from_bytes_of::<RosterEntry>(entry).unwrap();
        let text = format!("{:?}", signed.peek::<RosterEntry>().unwrap().change);
        assert!(text.contains(&party.to_string()), "the entry that brought {party} in: {text}");
    }
    kem
}

#[tokio::test]
async fn c06_everybody_of_a_tenant_finds_keys_that_verify() {
    let world = world().await;
    let owner = centre(&world, 1).await;
    let ben = owner.colleague(&world, Role::Member, "ben").await;
    let cart = owner.sender(&world).await;
    let roster = owner.roster(&world).await;
    assert_eq!(crate::people::roster_of(&world, &cart.machine).await, roster);
    for machine in [&owner.machine, &cart.machine] {
        let inbox = verified(&world, machine, &roster, owner.tenant.into_party()).await;
        assert_eq!(inbox, owner.ring.as_ref().unwrap().current().inbox_key().public());
        let device = verified(&world, machine, &roster, Party::Sender(cart.sender)).await;
        assert_eq!(device, cart.machine.keys.kem.public());
        let user = verified(&world, machine, &roster, Party::Member(ben.member)).await;
        assert_eq!(user, ben.root.user_key().public());
    }
    let pending = owner.new_sender(&world).await;
    owner.machine.get(&world, &format!("/v1/keys/{}", pending.sender)).await.refused(404, "not-found");
}

trait IntoParty {
    fn into_party(self) -> Party;
}

impl IntoParty for siegel_domain::TenantId {
    fn into_party(self) -> Party {
        Party::Tenant(self)
    }
}

#[tokio::test]
async fn a_client_reads_on_from_what_it_has_verified() {
    let world = world().await;
    let owner = centre(&world, 1).await;
    owner.sender(&world).await;
    let page: RosterPage = owner.machine.get(&world, "/v1/keys/roster?after=1").await.ok();
    assert_eq!((page.entries.len(), page.more), (1, false));
    let page: RosterPage = owner.machine.get(&world, &format!("/v1/keys/roster?after={}", u64::MAX)).await.ok();
    assert!(page.entries.is_empty() && page.epoch_statement.is_some());
    owner.machine.get(&world, "/v1/keys/roster?after=-1").await.refused(400, "invalid-request");
}

async fn rotate(world: &World, owner: &Person) -> (siegel_api::keys::EpochChange, Answer) {
    let roster = owner.roster(world).await;
    let keys = owner.user_keys(world, &roster).await;
    let ring = owner.ring.as_ref().unwrap().with_next(&mut ClientRng);
    let change = epoch_change(world, &ring, &roster, &keys, Some(owner.previous(world).await), owner.sign());
    let answer = owner.machine.post(world, "/v1/keys/epochs", &change).await;
    (change, answer)
}

#[tokio::test]
async fn r03_a_key_is_rotated_and_every_member_still_opens_it() {
    let world = world().await;
    let owner = centre(&world, 1).await;
    let mut ben = owner.colleague(&world, Role::Member, "ben").await;
    let cart = owner.sender(&world).await;
    let (change, answer) = rotate(&world, &owner).await;
    answer.ok::<SealedBundle>();
    ben.sign_in(&world).await;
    assert_eq!(ben.ring.as_ref().unwrap().current().number(), 2);
    owner.machine.post(&world, "/v1/keys/epochs", &change).await.ok::<SealedBundle>(); // again: nothing happens
    assert_eq!(owner.roster(&world).await.epoch().unwrap().number, 2);
    cart.machine.post(&world, "/v1/keys/epochs", &change).await.refused(403, "forbidden");
    let (_, late) = rotate(&world, &owner).await; // made from the first epoch's ring: its bundle is of epoch 2
    late.refused(422, "roster-refused");
}

#[tokio::test]
async fn f31_a_fork_of_the_roster_is_refused() {
    let world = world().await;
    let owner = centre(&world, 1).await;
    let ben = owner.colleague(&world, Role::Owner, "ben").await;
    // Two owners rotate at once, from the same roster.
    let roster = owner.roster(&world).await;
    let keys = owner.user_keys(&world, &roster).await;
    let previous = Some(owner.previous(&world).await);
    let ring = owner.ring.as_ref().unwrap().with_next(&mut ClientRng);
    let changes = [&owner, &ben].map(|person| epoch_change(&world, &ring, &roster, &keys, previous, person.sign()));
    let path = "/v1/keys/epochs";
    let (a, b) =
        futures::join!(owner.machine.post(&world, path, &changes[0]), ben.machine.post(&world, path, &changes[1]));
    let mut codes = [a.status.as_u16(), b.status.as_u16()];
    codes.sort_unstable();
    assert_eq!(codes, [200, 409], "{} {}", a.body, b.body);
    assert_eq!(owner.roster(&world).await.length(), roster.length() + 1);

    // An entry after an entry that is not the last, and one of another tenant.
    let change = RosterChange::SetRole { member: ben.member, role: Role::Member };
    let mut stale = changes[0].clone();
    stale.roster_entry = roster::next(&roster, change, world.now(), owner.sign()).to_bytes().into();
    owner.machine.post(&world, path, &stale).await.refused(409, "roster-conflict");
    let other = centre(&world, 2).await;
    other.machine.post(&world, path, &changes[0]).await.refused(422, "signature-refused");
}

#[tokio::test]
async fn a_chain_that_was_changed_in_the_database_is_noticed() {
    let world = world().await;
    let owner = centre(&world, 1).await;
    let file = world.database(owner.tenant);
    let world = world.restarted().await;
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file);
    let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
    sqlx::query("UPDATE roster SET entry = (SELECT entry FROM roster WHERE sequence = 0) WHERE sequence = 1")
        .execute(&pool)
        .await
        .unwrap();
    pool.close().await;
    let path = format!("/v1/keys/{}", owner.tenant);
    owner.machine.get(&world, &path).await.refused(500, "internal");
}

#[tokio::test]
async fn other_services_learn_whose_key_it_is() {
    let world = world().await;
    let owner = centre(&world, 1).await;
    let cart = owner.new_sender(&world).await;
    let tenant = owner.tenant.to_string();
    let signer = async |fingerprint: Fingerprint, tenant: &str| {
        let request =
            ResolveSignerRequest { tenant: tenant.to_owned(), sign_fingerprint: fingerprint.as_bytes().to_vec() };
        world.directory().resolve_signer(request).await.map(tonic::Response::into_inner)
    };
    let found = signer(cart.machine.keys.sign.fingerprint(), &tenant).await.unwrap();
    assert_eq!((found.principal, found.confirmed, found.revoked), (cart.sender.to_string(), false, false));
    assert_eq!(found.public_key, cart.machine.keys.sign.public().as_bytes());
    assert!(signer(owner.sign().fingerprint(), &tenant).await.unwrap().confirmed);
    assert!(!signer(Fingerprint::from_bytes([1; 32]), &tenant).await.unwrap().found);
    let other = centre(&world, 2).await;
    assert!(!signer(owner.sign().fingerprint(), &other.tenant.to_string()).await.unwrap().found);
    assert_eq!(signer(owner.sign().fingerprint(), "../..").await.unwrap_err().code(), tonic::Code::InvalidArgument);

    let party = async |party: &str| {
        let request = ResolvePartyRequest { tenant: tenant.clone(), party: party.to_owned() };
        world.directory().resolve_party(request).await.unwrap().into_inner()
    };
    let centre = party(&tenant).await;
    let inbox = owner.ring.as_ref().unwrap().current().inbox_key().public().fingerprint();
    assert_eq!((centre.found, centre.epoch, centre.kem_fingerprint), (true, 1, inbox.as_bytes().to_vec()));
    let waiting = party(&cart.sender.to_string()).await;
    assert!(waiting.found && !waiting.confirmed);
    assert_eq!(waiting.kem_fingerprint, cart.machine.keys.kem.public().fingerprint().as_bytes());
    assert!(!party(&other.tenant.to_string()).await.found);
    assert!(!party(&other.member.to_string()).await.found);
    assert_eq!(party(&owner.member.to_string()).await.role, "owner");
}
