//! What members and senders have in common on their way in: the code that is handed over, and where they stand.

use siegel_client::Invitation;
use siegel_client::api::members::Standing;

use crate::ctx::Ctx;
use crate::ui::{Ui, date};

/// Shows a code once, and how to hand it over.
pub(super) fn hand_over(ctx: &Ctx, invitation: &Invitation, name: &str) {
    let ui = &ctx.ui;
    ui.say("invite-code", &[("name", &name)]);
    if !ui.json {
        ui.line(&format!("\n  {}\n", invitation.code.as_str()));
    }
    ui.say("invite-how", &[("until", &date(ui.lang, invitation.expires_ms))]);
}

/// Where someone stands; said aloud when the server says "active" and the signed roster does not.
pub(super) fn standing(ui: &Ui, standing: Standing, in_roster: bool) -> String {
    let key = match (standing, in_roster) {
        (Standing::Invited, _) => "standing-invited",
        (Standing::Pending, _) => "standing-pending",
        (Standing::Active, true) => "standing-active",
        (Standing::Active, false) => "standing-not-in-roster",
        (Standing::Removed, _) => "standing-removed",
    };
    ui.text(key, &[])
}
