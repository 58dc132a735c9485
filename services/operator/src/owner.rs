//! Learns from the key directory's events that a tenant's first owner has enrolled: from then on the dealer can't make a
//! new code for it.

use std::sync::Arc;

use async_trait::async_trait;
use siegel_domain::{Role, TenantId};
use siegel_platform::db::Tx;
use siegel_platform::log::{HandleError, Handler};
use siegel_platform::tenants::Tenants;
use siegel_proto::events::v1::Event;
use siegel_proto::events::v1::event::Data;

use crate::store;

/// Hears the key directory.
pub struct Owners {
    /// Where it is noted.
    pub tenants: Arc<Tenants>,
}

#[async_trait]
impl Handler for Owners {
    /// Notes it in the provider database, not in `tx`: writing it again changes nothing, so once or twice is the same.
    async fn handle(&self, _: &mut Tx<'_>, tenant: TenantId, event: &Event) -> Result<(), HandleError> {
        if let Some(Data::Enrolled(enrolled)) = &event.data
            && enrolled.role == Role::Owner.as_str()
            && self.tenants.get(tenant).is_some_and(|view| !view.owner_enrolled)
        {
            self.tenants
                .change("tenant.owner_enrolled", |tx| Box::pin(async move { store::owner_enrolled(tx, tenant).await }))
                .await?;
        }
        Ok(())
    }
}
