//! The provider's own audit trail: what belongs to no tenant. The same event as in a tenant's trail, its tenant empty.

use std::fmt::Display;

use siegel_domain::{DeviceId, EventId};
use siegel_platform::clock::Clock;
use siegel_platform::log::type_of;
use siegel_platform::rng::Rng;
use siegel_platform::telemetry;
use siegel_proto::events::v1::event::Data;
use siegel_proto::events::v1::{Audit, Event};

use crate::app::Directory;

/// `actor` did `action` to `object`, and it went well.
pub(crate) fn line(
    (clock, rng): (&dyn Clock, &dyn Rng),
    actor: impl Display,
    device: Option<DeviceId>,
    action: &str,
    object: impl Display,
) -> Event {
    let audit = Audit {
        actor: actor.to_string(),
        device: device.map(|device| device.to_string()).unwrap_or_default(),
        action: action.to_owned(),
        object: object.to_string(),
        outcome: "ok".to_owned(),
        instruction: String::new(),
    };
    let data = Data::Audit(audit);
    Event {
        id: EventId::from_bytes(rng.bytes()).to_string(),
        r#type: type_of(&data).to_owned(),
        source: "/siegel/key-directory".to_owned(),
        subject: object.to_string(),
        time_ms: clock.now().0,
        tenant: String::new(),
        traceparent: telemetry::traceparent(),
        data: Some(data),
    }
}

impl Directory {
    /// The same, with this service's clock and generator.
    pub(crate) fn provider_audit(
        &self,
        actor: impl Display,
        device: Option<DeviceId>,
        action: &str,
        object: impl Display,
    ) -> Event {
        line((&*self.ctx.clock, &*self.ctx.rng), actor, device, action, object)
    }
}
