//! Enrolment: from a code to a profile. The code says where the platform is and whose certificate to believe, and (for
//! members and senders) which centre: its root is compared before anything is sealed. The code's secret never leaves
//! this device; what the server sees of it, it can't turn back.

mod dealer;
mod owner;
mod person;
mod sender;

use siegel_api::auth::ServerInfo;
use siegel_api::enrol::{EnrolInvite, EnrolLookup, TenantCard};
use siegel_crypto::{DeviceKeys, invite};
use siegel_domain::{DeviceId, Principal, Role};
use siegel_envelope::{CodeKind, EnrolmentCode, Fingerprint, SigningPublicKey, Suite};
use std::path::PathBuf;

use crate::error::{Code, Error, Problem, Result};
use crate::http::{Auth, Config, Http, OnWait, Request, Trust};
use crate::profile::{Profile, ProfileDir, Tenant};
use crate::rng;

const INFO: &str = "GET /v1/info";
const LOOKUP: &str = "POST /v1/auth/enrol/lookup";

/// A code that was read and looked up: who it lets in, and where. Nothing has been used up yet.
pub struct Enrolment {
    code: EnrolmentCode,
    http: Http,
    invite: EnrolInvite,
    principal: Principal,
    statement_key: SigningPublicKey,
    ca_file: Option<PathBuf>,
}

/// What `GET /v1/info` says, with the parts that a client relies on read.
pub(crate) async fn server_info(http: &Http) -> Result<(ServerInfo, SigningPublicKey)> {
    let info: ServerInfo = http.json(&Request::new(INFO, &[], Auth::None)).await?;
    if !info.suites.contains(&Suite::ONE.0) {
        return Err(Problem::local(Code::UnsupportedVersion, "The platform does not know this program's suite"));
    }
    let key = info.statement_key.array().and_then(|bytes| SigningPublicKey::from_bytes(bytes).ok());
    let key = key.ok_or_else(|| Error::answer(INFO, "its statement key is not a key"))?;
    Ok((info, key))
}

impl Enrolment {
    /// Reads a code and asks the platform what it is for. `ca_file` is believed when the code pins no CA.
    pub async fn begin(text: &str, ca_file: Option<PathBuf>, on_wait: Option<OnWait>) -> Result<Self> {
        let code: EnrolmentCode = text.parse().map_err(|error| Error::input("code", error))?;
        let trust = match (&code.ca, &ca_file) {
            (Some(ca), _) => Trust::Pinned(*ca.as_bytes()),
            (None, Some(file)) => Trust::File(file.clone()),
            (None, None) => Trust::System,
        };
        let http = Http::new(Config { on_wait, ..Config::new(code.url.clone(), trust) })?;
        let (_, statement_key) = server_info(&http).await?;
        let body = EnrolLookup { tenant: code.tenant, auth: auth_bytes(&code) };
        let invite: EnrolInvite = http.json(&Request::new(LOOKUP, &[], Auth::None).json(&body)).await?;
        let principal = principal_of(&code, &invite)?;
        Ok(Self { code, http, invite, principal, statement_key, ca_file })
    }

    /// Whom the code lets in.
    pub fn kind(&self) -> CodeKind {
        self.code.kind
    }

    /// The role that comes with it.
    pub fn role(&self) -> Role {
        self.invite.role
    }

    /// The centre, as it calls itself.
    pub fn tenant(&self) -> Option<&TenantCard> {
        self.invite.tenant.as_ref()
    }

    /// The fingerprint to compare with the centre, by telephone or on paper: the root of everything that is believed
    /// about it. An owner's and a dealer's code have none.
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        self.code.root
    }

    /// The address of the platform.
    pub fn url(&self) -> &str {
        &self.code.url
    }

    /// Until when the code can be used.
    pub fn expires_ms(&self) -> i64 {
        self.invite.expires_ms
    }

    fn auth(&self) -> siegel_api::Bytes {
        auth_bytes(&self.code)
    }

    fn card(&self) -> Result<&TenantCard> {
        self.invite.tenant.as_ref().ok_or_else(|| Error::answer(LOOKUP, "no centre for a code of a centre"))
    }

    fn expect(&self, kind: CodeKind) -> Result<()> {
        if self.code.kind == kind { Ok(()) } else { Err(Error::input("code", "is for someone else's enrolment")) }
    }

    /// Keys for the new device. They are on disk before the code is used: if this machine stops in between, they are
    /// still there when it tries again.
    fn device_keys(&self, dir: &ProfileDir) -> Result<DeviceKeys> {
        if dir.exists() {
            return Err(Error::profile(dir.path(), "there is one already; choose another name for this one"));
        }
        match dir.device_keys() {
            Ok(left_behind) => Ok(left_behind),
            Err(Error::File { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                let keys = DeviceKeys::generate(&mut rng::system());
                dir.store_device_keys(&keys)?;
                Ok(keys)
            }
            Err(other) => Err(other),
        }
    }

    fn profile(&self, device: DeviceId, root: Option<Fingerprint>) -> Result<Profile> {
        let tenant = match (root, &self.invite.tenant) {
            (Some(root), Some(card)) => {
                Some(Tenant { id: card.id, handle: card.handle.clone(), name: card.display_name.clone(), root })
            }
            _ => None,
        };
        Ok(Profile {
            url: self.http.origin().to_owned(),
            ca: self.code.ca,
            ca_file: self.ca_file.clone(),
            tenant,
            principal: self.principal,
            role: self.invite.role,
            device,
            person: None,
            statement_key: self.statement_key,
        })
    }
}

fn auth_bytes(code: &EnrolmentCode) -> siegel_api::Bytes {
    (*invite::auth(&code.secret).as_bytes()).into()
}

/// The newcomer's id, if the server's answer fits the code: same centre, same kind.
fn principal_of(code: &EnrolmentCode, invite: &EnrolInvite) -> Result<Principal> {
    let bad = |what: &str| Error::answer(LOOKUP, what);
    let principal: Principal = invite.principal.parse().map_err(|_| bad("not the id of a newcomer"))?;
    let fits = matches!(
        (code.kind, invite.role, principal),
        (CodeKind::Owner, Role::Owner, Principal::Member(_))
            | (CodeKind::Member, Role::Owner | Role::Member, Principal::Member(_))
            | (CodeKind::Sender, Role::Sender, Principal::Sender(_))
            | (CodeKind::Dealer, Role::Dealer, Principal::Dealer(_))
    );
    if !fits {
        return Err(bad("the code is for someone else's role"));
    }
    if invite.tenant.as_ref().map(|card| card.id) != code.tenant {
        return Err(bad("the code is for another centre"));
    }
    if let Some(card) = &invite.tenant {
        siegel_domain::text::non_empty_line(&card.display_name, 200).map_err(|_| bad("the centre's name"))?;
        if !siegel_domain::text::is_handle(&card.handle) {
            return Err(bad("the centre's handle"));
        }
    }
    Ok(principal)
}
