//! OPAQUE against a server made of the same suite: what the client sees, and what it refuses.

use opaque_ke::{
    CredentialFinalization, CredentialRequest, Identifiers, RegistrationRequest, RegistrationUpload, ServerLogin,
    ServerLoginParameters, ServerRegistration, ServerSetup,
};
use rand08::SeedableRng;
use siegel_crypto::login::{ClientLogin, ClientRegistration, Ksf, LoggedIn, LoginError, LoginIds};
use siegel_crypto::secret::Secret;
use siegel_domain::{MemberId, TenantId};
use siegel_envelope::login::{self, KsfParams, Suite};

use crate::world::rng;

/// Far below the floor: tests can't spend 64 MiB each time.
const CHEAP: KsfParams = KsfParams { memory_kib: 8, passes: 1, lanes: 1 };
const CHEAPER: KsfParams = KsfParams { memory_kib: 16, passes: 1, lanes: 1 };
const IDS: LoginIds =
    LoginIds { tenant: TenantId::from_bytes([1; 16]), member: MemberId::from_bytes([2; 16]), setup: 1 };

struct Server {
    setup: ServerSetup<Suite>,
    record: Option<ServerRegistration<Suite>>,
    rng: rand08_chacha::Rng,
}

/// A generator of rand 0.8 with a fixed seed, without another dependency.
mod rand08_chacha {
    pub(super) struct Rng(blake3::OutputReader);
    impl rand08::SeedableRng for Rng {
        type Seed = [u8; 32];
        fn from_seed(seed: [u8; 32]) -> Self {
            Self(blake3::Hasher::new().update(&seed).finalize_xof())
        }
    }
    impl rand08::RngCore for Rng {
        fn next_u32(&mut self) -> u32 {
            let mut out = [0; 4];
            self.0.fill(&mut out);
            u32::from_le_bytes(out)
        }
        fn next_u64(&mut self) -> u64 {
            let mut out = [0; 8];
            self.0.fill(&mut out);
            u64::from_le_bytes(out)
        }
        fn fill_bytes(&mut self, dest: &mut [u8]) {
            self.0.fill(dest);
        }
        fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), rand08::Error> {
            self.0.fill(dest);
            Ok(())
        }
    }
    impl rand08::CryptoRng for Rng {}
}

impl Server {
    fn new() -> Self {
        let mut rng = rand08_chacha::Rng::from_seed([5; 32]);
        Self { setup: ServerSetup::new(&mut rng), record: None, rng }
    }

    fn register(&mut self, password: &[u8], ksf: KsfParams) -> Secret<64> {
        let rng = &mut rng("register");
        let (state, request) = ClientRegistration::start(password, rng).expect("a password");
        let request = RegistrationRequest::<Suite>::deserialize(&request).expect("32 bytes");
        let response = ServerRegistration::start(&self.setup, request, IDS.member.as_bytes()).expect("good");
        let ksf = Ksf::unchecked(ksf).expect("good parameters");
        let response = response.message.serialize();
        let done = state.finish(password, &response, &IDS, &ksf, rng).expect("registered");
        assert_eq!((response.len(), done.upload.len()), (64, 192));
        let upload = RegistrationUpload::<Suite>::deserialize(&done.upload).expect("192 bytes");
        self.record = Some(ServerRegistration::finish(upload));
        done.export_key
    }

    /// A login in which both sides use the parameters they believe in.
    fn login(
        &mut self,
        password: &[u8],
        ids: LoginIds,
        client: KsfParams,
        server: KsfParams,
    ) -> Result<LoggedIn, LoginError> {
        let rng = &mut rng("login");
        let (state, ke1) = ClientLogin::start(password, rng)?;
        let (client_id, server_id) = (login::client_id(IDS.member), login::server_id(IDS.tenant, IDS.setup));
        let context = login::context(IDS.tenant, server);
        let parameters = || ServerLoginParameters {
            context: Some(&context),
            identifiers: Identifiers { client: Some(&client_id), server: Some(&server_id) },
        };
        let ke1 = CredentialRequest::deserialize(&ke1).expect("96 bytes");
        let record = self.record.clone();
        let start = ServerLogin::start(&mut self.rng, &self.setup, record, ke1, IDS.member.as_bytes(), parameters());
        let start = start.expect("good");
        let ke2 = start.message.serialize();
        assert_eq!(ke2.len(), 320, "the same for everyone");
        let done = state.finish(password, &ke2, &ids, &Ksf::unchecked(client)?, rng)?;
        let ke3 = CredentialFinalization::deserialize(&done.finalization).expect("64 bytes");
        let server_side = start.state.finish(ke3, parameters()).expect("the right password");
        assert_eq!(server_side.session_key[..], done.session_key.expose()[..]);
        Ok(done)
    }
}

#[test]
fn the_export_key_comes_back_with_the_password_and_only_with_it() {
    let mut server = Server::new();
    let export_key = server.register(b"Correct-horse-1", CHEAP);
    let done = server.login(b"Correct-horse-1", IDS, CHEAP, CHEAP).expect("logged in");
    assert_eq!(done.export_key, export_key);
    assert_ne!(done.session_key, export_key);

    let refused = LoginError::Refused;
    assert_eq!(server.login(b"correct-horse-1", IDS, CHEAP, CHEAP).err(), Some(refused));
    let member = LoginIds { member: MemberId::from_bytes([8; 16]), ..IDS };
    assert_eq!(server.login(b"Correct-horse-1", member, CHEAP, CHEAP).err(), Some(refused), "another user's record");
    let tenant = LoginIds { tenant: TenantId::from_bytes([8; 16]), ..IDS };
    assert_eq!(server.login(b"Correct-horse-1", tenant, CHEAP, CHEAP).err(), Some(refused), "another tenant");
    let setup = LoginIds { setup: 2, ..IDS };
    assert_eq!(server.login(b"Correct-horse-1", setup, CHEAP, CHEAP).err(), Some(refused), "another set-up");
}

#[test]
fn an_unknown_user_looks_like_a_wrong_password() {
    let mut server = Server::new();
    assert_eq!(server.login(b"Correct-horse-1", IDS, CHEAP, CHEAP).err(), Some(LoginError::Refused));
}

#[test]
fn a_server_that_names_a_cheaper_hash_to_the_client_fails_itself() {
    let mut server = Server::new();
    server.register(b"Correct-horse-1", CHEAP);
    let lied = server.login(b"Correct-horse-1", IDS, CHEAP, CHEAPER);
    assert_eq!(lied.err(), Some(LoginError::Refused), "the context says other parameters");
}

#[test]
fn f32_a_client_refuses_parameters_below_the_floor_and_absurd_ones() {
    let floor = KsfParams::FLOOR;
    assert!(Ksf::accept(floor).is_ok());
    assert!(Ksf::accept(KsfParams { memory_kib: floor.memory_kib * 2, passes: 4, lanes: 2 }).is_ok());
    for bad in [
        CHEAP,
        KsfParams { memory_kib: floor.memory_kib - 1, ..floor },
        KsfParams { passes: floor.passes - 1, ..floor },
        KsfParams { lanes: 0, ..floor },
        KsfParams { memory_kib: u32::MAX, ..floor },
        KsfParams { passes: 1000, ..floor },
    ] {
        assert_eq!(Ksf::accept(bad).err(), Some(LoginError::Ksf), "{bad:?}");
    }
}

#[test]
fn rubbish_from_a_server_is_an_error() {
    let rng = &mut rng("rubbish");
    for length in [0, 64, 319, 320, 321] {
        let (state, _) = ClientLogin::start(b"password", rng).expect("a password");
        let ksf = Ksf::unchecked(CHEAP).expect("good parameters");
        assert!(state.finish(b"password", &vec![0xff; length], &IDS, &ksf, rng).is_err(), "{length}");
        let (state, _) = ClientRegistration::start(b"password", rng).expect("a password");
        assert!(state.finish(b"password", &vec![0xff; length], &IDS, &ksf, rng).is_err(), "{length}");
    }
}
