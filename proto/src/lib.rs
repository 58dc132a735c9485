//! Services know each other through this crate alone: generated clients and servers, and the events in the outbox.
//! The `.proto` files beside it are the source; a new service is a package `siegel.<name>.v1` and one line in `build.rs`.
#![allow(missing_docs, unreachable_pub, clippy::all)] // generated code; the documentation stands in the .proto files

/// `siegel.events.v1`
pub mod events {
    pub mod v1 {
        tonic::include_proto!("siegel.events.v1");
    }
}

/// `siegel.keydirectory.v1`
pub mod keydirectory {
    pub mod v1 {
        tonic::include_proto!("siegel.keydirectory.v1");
    }
}

/// `siegel.upload.v1`
pub mod upload {
    pub mod v1 {
        tonic::include_proto!("siegel.upload.v1");
    }
}

/// `siegel.retention.v1`
pub mod retention {
    pub mod v1 {
        tonic::include_proto!("siegel.retention.v1");
    }
}

/// `siegel.operator.v1`
pub mod operator {
    pub mod v1 {
        tonic::include_proto!("siegel.operator.v1");
    }
}
