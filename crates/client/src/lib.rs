//! The SDK: everything a program needs to send, receive and administer over Siegel, with nothing of a command line in it.
//! What leaves this crate is sealed; what enters it is verified; a server's word counts for nothing that a signature can
//! decide.
//!
//! Ten lines that send a recording from a machine that was enrolled as a sender:
//!
//! ```no_run
//! use siegel_client::Session;
//!
//! # async fn example() -> siegel_client::Result<()> {
//! let session = Session::open("/var/lib/ecg-cart/siegel/herzzentrum")?;
//! let sent = session
//!     .upload("/data/recordings/0815.edf")
//!     .note("24 h, please look at the night")
//!     .return_report(true)
//!     .send()
//!     .await?;
//! println!("{} arrived, receipt in {}", sent.record, sent.receipt_path.display());
//! # Ok(())
//! # }
//! ```
//!
//! An interrupted upload goes on where it was when the same file is sent again. Reports come back as events:
//!
//! ```no_run
//! # use siegel_client::{Meter, Overwrite, Session};
//! # async fn example(session: Session) -> siegel_client::Result<()> {
//! let mut events = session.events(None);
//! loop {
//!     let event = events.next().await?;
//!     if event.kind == "siegel.record.committed.v1" {
//!         let opened = session.open_record(event.subject.parse().expect("the subject is the record")).await?;
//!         opened.save(opened.file_name().as_ref(), Overwrite::No, &Meter::default()).await?;
//!     }
//! }
//! # }
//! ```
//!
//! How it is built: [`http`](Trust) keeps the line (TLS pinned by the enrolment code, proofs of possession, retries within
//! a time budget); [`Session`] is someone who is signed in; [`Directory`] is the verified view of who belongs to a centre;
//! `records/`, `people/`, `enrol/` have a file for each thing one can do. To add a call: its body is in `siegel-api`, and
//! a method on [`Session`] names the route once.

mod conversations;
mod directory;
pub mod doctor;
mod enrol;
mod erase;
mod error;
pub mod events;
mod http;
pub mod os;
pub mod password;
mod people;
pub mod profile;
mod records;
pub mod rng;
mod session;
mod tenants;
pub mod time;

pub use directory::{Directory, Recipient};
pub use enrol::Enrolment;
pub use erase::{VerifiedReceipt, verify_offline};
pub use error::{Code, Error, Problem, Result, Unreachable, Untrusted};
pub use events::Events;
pub use http::{BRIDGE, Config, Http, Meter, OnWait, TlsError, Trust, ca_fingerprint, proxy_in_use};
pub use people::{Invitation, Named, NamedMember, NamedSender};
pub use records::{Listing, Metadata, Opened, Outgoing, Overwrite, Record, RecordQuery, Sent};
pub use session::{Session, SignIn, Unlocked};
pub use siegel_api as api;
pub use siegel_domain as domain;
pub use siegel_envelope as envelope;
pub use tenants::NewTenant;
