//! Who may call what. TLS has established who the caller is; here it is decided, method by method, whether that one has any
//! business here. Each service says so in one table, in its `program.rs`; what does not stand there is refused before it
//! reaches a method, a method that was added and forgotten included.

use std::collections::BTreeSet;
use std::fmt;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use tonic::Status;

use crate::tls::Caller;

/// The table of a gRPC service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Callers {
    /// The service as `proto` names it (its generated `SERVICE_NAME`).
    pub of: &'static str,
    /// Each of its methods, and who may call it, by the names of [`super::SERVICES`].
    pub methods: &'static [(&'static str, &'static [&'static str])],
}

impl Callers {
    /// Of what has no gRPC service.
    pub const NONE: Self = Self { of: "", methods: &[] };

    /// Whether `caller` may call the method at `path`, `/package.Service/Method`.
    fn allow(&self, caller: &str, path: &str) -> bool {
        let Some((service, method)) = path.strip_prefix('/').and_then(|path| path.split_once('/')) else {
            return false;
        };
        let row = self.methods.iter().find(|(name, _)| *name == method);
        service == self.of && row.is_some_and(|(_, callers)| callers.contains(&caller))
    }
}

/// Everybody who may call anything, for people.
impl fmt::Display for Callers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: BTreeSet<&str> = self.methods.iter().flat_map(|(_, callers)| callers.iter().copied()).collect();
        let all: Vec<&str> = all.into_iter().collect();
        f.write_str(if all.is_empty() { "nobody" } else { "" })?;
        f.write_str(&all.join(", "))
    }
}

/// Lets only those use the gRPC routes of `router` whom `callers` names, and only for what it names.
pub fn only(callers: Callers, router: Router) -> Router {
    router.layer(from_fn(move |request: Request, next: Next| async move {
        let (caller, path) = (request.extensions().get::<Caller>(), request.uri().path());
        match caller {
            Some(Caller(name)) if callers.allow(name, path) => next.run(request).await,
            caller => refused(caller.map(|caller| caller.0), path),
        }
    }))
}

fn refused(caller: Option<&'static str>, method: &str) -> Response {
    tracing::warn!(
        caller = caller.unwrap_or("unknown"),
        method,
        "a caller that is not on the method's list was refused"
    );
    let status = Status::permission_denied("this service is not on the method's list of callers");
    status.into_http::<tonic::body::Body>().map(Body::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: Callers = Callers {
        of: "siegel.test.v1.TestService",
        methods: &[("Read", &["upload", "retention"]), ("Write", &["upload"]), ("Unused", &[])],
    };

    #[test]
    fn what_does_not_stand_in_the_table_is_refused() {
        let read = "/siegel.test.v1.TestService/Read";
        assert!(TABLE.allow("upload", read) && TABLE.allow("retention", read));
        assert!(!TABLE.allow("retention", "/siegel.test.v1.TestService/Write"));
        assert!(!TABLE.allow("upload", "/siegel.test.v1.TestService/Unused"));
        assert!(!TABLE.allow("notification", read));
        for other in ["Read", "/Read", "", "/", "/siegel.test.v1.TestService/", "/siegel.test.v1.TestService/read"] {
            assert!(!TABLE.allow("upload", other), "{other}");
        }
        for other in ["/siegel.test.v2.TestService/Read", "/siegel.test.v1.TestService/Read/", "//Read", "/x/Read"] {
            assert!(!TABLE.allow("upload", other), "{other}");
        }
        assert!(!Callers::NONE.allow("upload", read));
        assert_eq!((TABLE.to_string(), Callers::NONE.to_string()), ("retention, upload".into(), "nobody".into()));
    }
}
