//! The seeded harness. A seed draws a list of operations ([`op`]): people who send, read, answer and erase; zones that are
//! down, full, slow or lie; disks that rot; lines that break; processes that stop and die; clocks that jump. The real
//! platform does them, over HTTP and through the real SDK, and after each the answer is compared with a model beside it
//! ([`model`]). In the end everything is healed and the books, the disks and the people's view have to agree ([`finale`]).
//!
//! docs/testing.md says what is drawn, what is checked, how to replay a seed, and what is not deterministic.

mod around;
pub mod dice;
mod erasing;
pub mod finale;
pub mod ground;
pub mod life;
pub mod line;
pub mod model;
pub mod op;
pub mod place;
mod reading;
pub mod run;
pub mod said;
mod sending;
pub mod stage;
pub mod story;
pub mod zones;

pub use op::{Op, draw};
pub use run::{Failure, shrink, tell};
pub use stage::Stage;
