//! Roles and what they allow. Customers build their own roles later (I06); the two here are the first.

use serde::{Deserialize, Serialize};

/// One thing a principal may be allowed to do. Named as the API's documentation names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Permission {
    /// List and open what was sent to the tenant.
    ReadMailbox,
    /// Send records for the tenant, and reply.
    Send,
    /// Set up, confirm and remove senders.
    ManageSenders,
    /// Invite, confirm and remove members.
    ManageMembers,
    /// Erase records at once and for good.
    Erase,
    /// See who did what.
    SeeAudit,
    /// Create tenants and see them as a dealer.
    ManageTenants,
}

/// What a principal is to its tenant, as signed into the roster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// May do everything in the tenant; the first is made by the dealer's code.
    Owner,
    /// Reads, reports, sets up senders.
    Member,
    /// Sends, and sees its own.
    Sender,
    /// Creates tenants.
    Dealer,
}

impl Role {
    /// The word in the API, the database and the roster.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Member => "member",
            Self::Sender => "sender",
            Self::Dealer => "dealer",
        }
    }

    /// The role of that name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Owner, Self::Member, Self::Sender, Self::Dealer].into_iter().find(|role| role.as_str() == text)
    }

    /// Whether this role allows `permission`.
    pub const fn allows(self, permission: Permission) -> bool {
        use Permission::*;
        match self {
            Self::Owner => !matches!(permission, ManageTenants),
            Self::Member => matches!(permission, ReadMailbox | Send | ManageSenders | Erase),
            Self::Sender => matches!(permission, Send | Erase),
            Self::Dealer => matches!(permission, ManageTenants),
        }
    }
}

impl<C> minicbor::Encode<C> for Role {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.str(self.as_str())?.ok()
    }
}

impl<'b, C> minicbor::Decode<'b, C> for Role {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        Self::parse(d.str()?).ok_or_else(|| minicbor::decode::Error::message("not a role"))
    }
}
