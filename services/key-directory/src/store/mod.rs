//! SQL, and what a row means. One file for each table or pair of tables that change together; use cases hold the
//! transaction. A value that does not fit its column is reported by table, column and row.

pub(crate) mod dealers;
pub(crate) mod devices;
pub(crate) mod invites;
pub(crate) mod logins;
pub(crate) mod members;
pub(crate) mod roster;
pub(crate) mod senders;
pub(crate) mod sessions;

use std::str::FromStr;

use siegel_api::members::Standing;
use siegel_domain::{Principal, Role};
use siegel_platform::db::{DbError, Executor, FromValue, Row};

/// The word of a standing in the database.
pub(crate) const fn standing_str(standing: Standing) -> &'static str {
    match standing {
        Standing::Invited => "invited",
        Standing::Pending => "pending",
        Standing::Active => "active",
        Standing::Removed => "removed",
    }
}

fn standing_of(text: &str) -> Option<Standing> {
    [Standing::Invited, Standing::Pending, Standing::Active, Standing::Removed]
        .into_iter()
        .find(|standing| standing_str(*standing) == text)
}

/// Reads columns of one row and says where it failed.
struct Reader {
    row: Row,
    table: &'static str,
    key: String,
}

impl Reader {
    /// A row of `table` with the text key `id`.
    fn new(row: Row, table: &'static str) -> Result<Self, DbError> {
        let key = row.try_get("id")?;
        Ok(Self { row, table, key })
    }

    fn get<'r, T: FromValue<'r>>(&'r self, column: &'static str) -> Result<T, DbError> {
        self.row.try_get(column)
    }

    /// A text column with a meaning: an id, a role.
    fn parse<T: FromStr>(&self, column: &'static str) -> Result<T, DbError> {
        self.with(column, |text| text.parse().ok())
    }

    fn role(&self, column: &'static str) -> Result<Role, DbError> {
        self.with(column, Role::parse)
    }

    fn standing(&self) -> Result<Standing, DbError> {
        self.with("standing", standing_of)
    }

    fn with<T>(&self, column: &'static str, meaning: impl Fn(&str) -> Option<T>) -> Result<T, DbError> {
        let text: &str = self.row.try_get(column)?;
        meaning(text).ok_or_else(|| DbError::corrupt(self.table, column, &self.key))
    }
}

/// Role and standing of a member or sender; nothing for one who does not exist here, and for dealers.
pub(crate) async fn standing_of_principal(
    executor: impl Executor<'_>,
    principal: Principal,
) -> Result<Option<(Role, Standing)>, DbError> {
    match principal {
        Principal::Member(member) => {
            Ok(members::get(executor, member).await?.map(|member| (member.role, member.standing)))
        }
        Principal::Sender(sender) => Ok(senders::get(executor, sender).await?.map(|row| (Role::Sender, row.standing))),
        Principal::Dealer(_) => Ok(None),
    }
}
