//! Centres, as the dealer who sets them up sees them (C01, C08), and as a centre sees itself. The first owner's code is
//! made on the dealer's device; the platform never has it.

use siegel_api::tenants::{CreateTenant, Durability, PatchTenant, Tenant, TenantPage};
use siegel_crypto::invite;
use siegel_domain::{Principal, TenantId};
use siegel_envelope::code::CodeSecret;
use siegel_envelope::{CodeKind, EnrolmentCode};
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::http::Request;
use crate::rng;
use crate::session::Session;

/// A centre to be created.
#[derive(Debug, Clone)]
pub struct NewTenant {
    /// The part after `@` in login names.
    pub handle: String,
    /// The institution's name.
    pub display_name: String,
    /// The dealer's comment, shown to the centre too: business data, never patients'.
    pub comment: String,
    /// Where data may lie, for example `EU`.
    pub jurisdiction: String,
    /// What happens while a zone is lost.
    pub durability: Durability,
}

impl Session {
    /// Creates a centre. The code is for its first owner; hand it over in person.
    pub async fn create_tenant(&self, new: NewTenant) -> Result<(Tenant, Zeroizing<String>)> {
        let secret = invite::generate(&mut rng::system());
        let body = CreateTenant {
            handle: new.handle,
            display_name: new.display_name,
            comment: new.comment,
            jurisdiction: new.jurisdiction,
            durability: new.durability,
            owner_auth_hash: auth_hash(&secret),
        };
        let request = Request::new("POST /v1/tenants", &[], self.auth()).json(&body);
        let tenant: Tenant = self.http().json(&request).await?;
        let code = self.owner_code(tenant.id, secret);
        Ok((tenant, code))
    }

    /// A new code for the first owner, while none has enrolled.
    pub async fn renew_owner_code(&self, id: TenantId) -> Result<(Tenant, Zeroizing<String>)> {
        let secret = invite::generate(&mut rng::system());
        let patch = PatchTenant { owner_auth_hash: Some(auth_hash(&secret)), ..PatchTenant::default() };
        let tenant = self.patch_tenant(id, &patch).await?;
        Ok((tenant, self.owner_code(id, secret)))
    }

    /// Changes a centre's comment.
    pub async fn set_comment(&self, id: TenantId, comment: &str) -> Result<Tenant> {
        let comment = siegel_domain::text::line(comment, siegel_domain::limits::COMMENT_CHARS)
            .map_err(|error| Error::input("comment", error))?;
        self.patch_tenant(id, &PatchTenant { comment: Some(comment), ..PatchTenant::default() }).await
    }

    /// Changes what a centre may take of the platform, in hundredths of what the provider gives each.
    pub async fn set_quota(&self, id: TenantId, percent: u32) -> Result<Tenant> {
        self.patch_tenant(id, &PatchTenant { quota_percent: Some(percent), ..PatchTenant::default() }).await
    }

    /// The dealer's centres.
    pub async fn tenants(&self) -> Result<Vec<Tenant>> {
        self.pages("GET /v1/tenants", |page: TenantPage| (page.items, page.next_page_token)).await
    }

    /// One centre of the dealer's.
    pub async fn tenant(&self, id: TenantId) -> Result<Tenant> {
        self.http().json(&Request::new("GET /v1/tenants/{id}", &[&id], self.auth())).await
    }

    /// One's own centre.
    pub async fn own_tenant(&self) -> Result<Tenant> {
        match self.profile().principal {
            Principal::Dealer(_) => Err(Error::WrongRole("a dealer belongs to no centre")),
            _ => self.http().json(&Request::new("GET /v1/tenants/self", &[], self.auth())).await,
        }
    }

    async fn patch_tenant(&self, id: TenantId, patch: &PatchTenant) -> Result<Tenant> {
        let current = self.tenant(id).await?;
        let request = Request::new("PATCH /v1/tenants/{id}", &[&id], self.auth()).if_match(&current.etag).json(patch);
        self.http().json(&request).await
    }

    fn owner_code(&self, tenant: TenantId, secret: CodeSecret) -> Zeroizing<String> {
        let code = EnrolmentCode {
            url: self.http().origin().to_owned(),
            ca: self.profile().ca,
            tenant: Some(tenant),
            kind: CodeKind::Owner,
            secret,
            root: None,
        };
        code.to_text()
    }
}

fn auth_hash(secret: &CodeSecret) -> siegel_api::Bytes {
    invite::auth(secret).stored().as_bytes().to_vec().into()
}
