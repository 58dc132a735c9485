//! Names for ids: what a party is called, as far as this profile may know it. The platform knows none of them.

use std::collections::HashMap;

use siegel_client::{Opened, Session};
use siegel_domain::{Party, Role};

use crate::error::Result;
use crate::ui::Ui;

/// What parties are called.
pub(crate) struct Names {
    known: HashMap<Party, String>,
    /// What a sender calls any member: their names are the centre's own affair, and the roster says that they belong to it.
    centre: Option<String>,
}

impl Names {
    /// Names as the centre's members sealed them; a sender knows the centre's alone.
    pub(crate) async fn load(session: &Session) -> Result<Self> {
        let mut names = HashMap::new();
        let tenant = session.profile().tenant()?;
        names.insert(Party::Tenant(tenant.id), tenant.name.clone());
        let is_sender = session.profile().role == Role::Sender;
        if !is_sender {
            for sender in session.senders().await? {
                names.extend(sender.name.map(|name| (Party::Sender(sender.item.id), name.to_string())));
            }
            for member in session.members().await? {
                names.extend(member.name.map(|name| (Party::Member(member.item.id), name.to_string())));
            }
        }
        Ok(Self { known: names, centre: is_sender.then(|| tenant.name.clone()) })
    }

    /// The name, else the id.
    pub(crate) fn of(&self, party: Party) -> String {
        let of_centre = || self.centre.clone().filter(|_| matches!(party, Party::Member(_)));
        self.known.get(&party).cloned().or_else(of_centre).unwrap_or_else(|| party.to_string())
    }

    /// Who sent a record; and who passed it on, if someone did.
    pub(crate) fn from(&self, ui: &Ui, opened: &Opened) -> String {
        let from = self.of(opened.from);
        match opened.passed_on_by {
            None => from,
            Some(by) => ui.text("from-passed-on", &[("from", &from), ("by", &self.of(by))]),
        }
    }
}
