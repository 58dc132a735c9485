//! Services know each other through this crate alone: generated clients and servers, and the events in the outbox.
//! The `.proto` files beside it are the source; a new service is a package `siegel.<name>.v1` one line in `gen/src/main.rs`
//! and a module here; `cargo xtask gen` writes `generated/`.
#![allow(missing_docs, unreachable_pub, clippy::all)] // generated code; the documentation stands in the .proto files

/// Every gRPC method, `/package.Service/Method`: whoever keeps a table of them can see that none is missing.
mod methods {
    include!("generated/methods.rs");
}
pub use methods::METHODS;

/// `siegel.events.v1`
pub mod events {
    pub mod v1 {
        include!("generated/siegel.events.v1.rs");
    }
    pub use kinds::KINDS;

    /// The whole file, comments and all: who reads messages needs no more.
    pub const PROTO: &str = include_str!("../siegel/events/v1/events.proto");

    /// A kind of event.
    pub struct Kind {
        /// Its message.
        pub message: &'static str,
        /// The field of `Event.data` that holds it.
        pub field: &'static str,
        /// What the file says of it, perhaps nothing.
        pub about: &'static str,
        /// One whose every field has a value.
        pub filled: fn() -> v1::event::Data,
    }

    mod kinds {
        use super::Kind;
        use super::v1::event::Data;
        use super::v1::*;
        include!("generated/kinds.rs");
    }
}

/// `siegel.keydirectory.v1`
pub mod keydirectory {
    pub mod v1 {
        include!("generated/siegel.keydirectory.v1.rs");
    }
}

/// `siegel.upload.v1`
pub mod upload {
    pub mod v1 {
        include!("generated/siegel.upload.v1.rs");
    }
}

/// `siegel.retention.v1`
pub mod retention {
    pub mod v1 {
        include!("generated/siegel.retention.v1.rs");
    }
}

/// `siegel.operator.v1`
pub mod operator {
    pub mod v1 {
        include!("generated/siegel.operator.v1.rs");
    }
}

/// `siegel.log.v1`
pub mod log {
    pub mod v1 {
        include!("generated/siegel.log.v1.rs");
    }
}
