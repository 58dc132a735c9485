//! Retention decides how long what stays, erases, and can prove it: deadlines (C11), erasing at once and for good (M06),
//! receipts, and the audit trail of all services (I04, K01). It never sees contents, keys or names.
//!
//! ```text
//! outboxes of all services ──► events ──► deadlines, parties, audit trail      (derived: rebuilt by replay)
//!                                            │ due, if the clock may be believed
//!   POST /v1/retention/erasures ──► access ──┴──► erasure job ──lease──► upload.EraseRecord ──► receipt, signed
//! ```
//!
//! Owns `retention.db` of each tenant. POLICIES.md is the table of periods and reasons. A new policy
//! is a variant of `siegel_domain::RetentionPolicy` and a line there; a new kind of event it should hear is an arm in
//! [`events`].

pub mod access;
pub mod api;
pub mod app;
pub mod config;
pub mod erase;
pub mod events;
pub mod expire;
mod program;
pub mod receipt;
pub mod store;

pub use app::App;
pub use config::RetentionConfig;
pub use program::program;

#[cfg(test)]
mod tests {
    use siegel_domain::{RetentionPolicy, Timestamp, time::DAY_MS};

    #[test]
    fn the_table_of_policies_says_what_the_code_does() {
        let page = include_str!("../POLICIES.md");
        for policy in RetentionPolicy::ALL {
            let days = policy.due_after(Timestamp(0)).0 / DAY_MS;
            let line = page.lines().find(|line| line.starts_with(&format!("| `{}` |", policy.as_str())));
            assert!(line.is_some_and(|line| line.contains(&format!("| {days} days |"))), "{}", policy.as_str());
        }
    }
}
