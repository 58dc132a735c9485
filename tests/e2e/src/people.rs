//! The people of a test: a dealer, a centre with its owner, senders; each with a profile directory of their own.

use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Result;
use siegel_api::members::ReturnReport;
use siegel_api::tenants::Durability;
use siegel_client::password::Password;
use siegel_client::profile::ProfileDir;
use siegel_client::{Enrolment, Invitation, NewTenant, Session, SignIn};
use siegel_domain::{MemberId, Principal, Role, SenderId, TenantId};
use siegel_envelope::Digest;
use siegel_key_directory::admin::{NewDealer, add_dealer};
use zeroize::Zeroizing;

use crate::world::Runs;
use crate::{World, add_dealer_beside};

/// A password that keeps the rule (K03).
pub const PASSWORD: &str = "Herzschlag-24-Stunden";

static NEXT: AtomicUsize = AtomicUsize::new(0);

/// Somebody who is enrolled and signed in.
pub struct Person {
    /// Signed in.
    pub session: Session,
    /// Their profile.
    pub dir: ProfileDir,
}

/// A centre with its first owner.
pub struct Centre {
    /// The centre.
    pub tenant: TenantId,
    /// Its handle.
    pub handle: String,
    /// Its first owner.
    pub owner: Person,
}

impl World {
    /// A profile directory that nobody uses yet.
    pub fn profile(&self, name: &str) -> ProfileDir {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        ProfileDir::at(self.outside(&format!("{name}-{number}")))
    }

    /// A dealer, enrolled by a code as `siegel-admin dealer add` prints it.
    pub async fn dealer(&self) -> Result<Person> {
        let code = match &self.runs {
            Runs::Process(process) => {
                let (ctx, ca) = (&process.ctx, process.ca.map(Digest::from_bytes));
                let new = NewDealer { label: "Medizintechnik", public_url: self.url(), ca, code_hours: 72 };
                add_dealer(ctx.tenants.db(), &*ctx.clock, &*ctx.rng, new).await?.code
            }
            _ => add_dealer_beside(self.url(), &self.state(), &self.choice()).await?,
        };
        let dir = self.profile("dealer");
        Enrolment::begin(&code, None, None).await?.dealer(&dir).await?;
        Ok(Person { session: SignIn::at(dir.clone()).machine()?, dir })
    }

    /// A centre of its own dealer, its owner enrolled and signed in.
    pub async fn centre(&self, handle: &str) -> Result<Centre> {
        self.centre_with(&self.dealer().await?, handle, Durability::Available).await
    }

    /// A centre that `dealer` creates; its handle begins with `handle`.
    pub async fn centre_with(&self, dealer: &Person, handle: &str, durability: Durability) -> Result<Centre> {
        let handle = self.handle(handle);
        let (tenant, code) = self.institution(dealer, &handle, durability).await?;
        let dir = self.profile(&handle);
        let password = password();
        Enrolment::begin(&code, None, None).await?.owner(&dir, "inhaberin", &password).await?;
        let session = SignIn::at(dir.clone()).password(PASSWORD).await?;
        Ok(Centre { tenant, handle, owner: Person { session, dir } })
    }

    /// An institution with its databases and buckets, whose owner has not come yet; the owner's code.
    pub async fn institution(
        &self,
        dealer: &Person,
        handle: &str,
        durability: Durability,
    ) -> Result<(TenantId, Zeroizing<String>)> {
        let new = NewTenant {
            handle: handle.to_owned(),
            display_name: format!("Zentrum {handle}"),
            comment: "K-4711".to_owned(),
            jurisdiction: "EU".to_owned(),
            durability,
        };
        let (mut tenant, code) = dealer.session.create_tenant(new).await?;
        // Made within the dealer's own wait, unless the machine is busy with other things.
        while tenant.phase != "ready" {
            crate::moment(std::time::Duration::from_millis(50)).await;
            tenant = dealer.session.tenant(tenant.id).await?;
        }
        self.made(tenant.id);
        Ok((tenant.id, code))
    }

    /// A sender of the centre: set up, enrolled and confirmed.
    pub async fn sender(&self, centre: &Centre, return_report: ReturnReport) -> Result<Person> {
        let invitation = centre.owner.session.invite_sender("Praxis Dr. Adler", return_report, None).await?;
        let person = self.enrol_sender(&invitation).await?;
        let Principal::Sender(id) = invitation.principal else { anyhow::bail!("not a sender's code") };
        centre.owner.session.confirm_sender(id).await?;
        Ok(person)
    }

    /// Uses a sender's code; nobody has confirmed it yet.
    pub async fn enrol_sender(&self, invitation: &Invitation) -> Result<Person> {
        let dir = self.profile("sender");
        Enrolment::begin(&invitation.code, None, None).await?.sender(&dir).await?;
        Ok(Person { session: SignIn::at(dir.clone()).machine()?, dir })
    }

    /// A further member of the centre: invited, enrolled, confirmed and signed in.
    pub async fn member(&self, centre: &Centre, name: &str, role: Role) -> Result<Person> {
        let invitation = centre.owner.session.invite_member(name, role, None).await?;
        let dir = self.profile(name);
        Enrolment::begin(&invitation.code, None, None).await?.member(&dir, name, &password()).await?;
        let Principal::Member(id) = invitation.principal else { anyhow::bail!("not a member's code") };
        centre.owner.session.confirm_member(id).await?;
        let session = SignIn::at(dir.clone()).password(PASSWORD).await?;
        Ok(Person { session, dir })
    }
}

impl Person {
    /// The sender this person is.
    pub fn sender_id(&self) -> Result<SenderId> {
        match self.session.profile().principal {
            Principal::Sender(id) => Ok(id),
            _ => anyhow::bail!("not a sender"),
        }
    }

    /// The member this person is.
    pub fn member_id(&self) -> Result<MemberId> {
        match self.session.profile().principal {
            Principal::Member(id) => Ok(id),
            _ => anyhow::bail!("not a member"),
        }
    }
}

/// [`PASSWORD`], checked.
pub fn password() -> Password {
    Password::new(Zeroizing::new(PASSWORD.to_owned()), "inhaberin")
        .map_err(|lacks| format!("{lacks:?}"))
        .expect("keeps the rule")
}
