//! The one table of what can go wrong. REST, gRPC, the client and `docs/problems.md` read it; a new reason is one entry
//! here and one line there (a test compares). Codes are for programs and never change; titles are for people.

use axum::http::StatusCode;
use tonic::Code;

macro_rules! reasons {
    ($($name:ident = $code:literal, $status:ident, $grpc:ident, $retry:literal, $title:literal;)*) => {
        /// Why a request was not done.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Reason {
            $(#[doc = $title] $name,)*
        }

        impl Reason {
            /// Every reason, in the table's order.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            const fn row(self) -> Row {
                match self {
                    $(Self::$name => Row {
                        code: $code, status: StatusCode::$status, grpc: Code::$grpc, retryable: $retry, title: $title,
                    },)*
                }
            }
        }
    };
}

struct Row {
    code: &'static str,
    status: StatusCode,
    grpc: Code,
    retryable: bool,
    title: &'static str,
}

// variant = code, HTTP status, gRPC code, whether the same request may succeed later, title
reasons! {
    // The request itself
    InvalidRequest = "invalid-request", BAD_REQUEST, InvalidArgument, false, "The request is not valid";
    UnsupportedVersion = "unsupported-version", BAD_REQUEST, InvalidArgument, false, "This suite or version is not known here";
    MethodNotAllowed = "method-not-allowed", METHOD_NOT_ALLOWED, Unimplemented, false, "This address does not know the method";
    RequestTimeout = "request-timeout", REQUEST_TIMEOUT, DeadlineExceeded, true, "The request took too long";
    TooLarge = "too-large", PAYLOAD_TOO_LARGE, OutOfRange, false, "The body is larger than this address takes";
    UnsupportedMediaType = "unsupported-media-type", UNSUPPORTED_MEDIA_TYPE, InvalidArgument, false, "The body's type is not taken here";
    ContentEncoding = "content-encoding", UNSUPPORTED_MEDIA_TYPE, InvalidArgument, false, "Encoded bodies are not taken; send it plain";
    RangeNotSatisfiable = "range-not-satisfiable", RANGE_NOT_SATISFIABLE, OutOfRange, false, "The range lies outside of it";

    // Who asks
    Unauthenticated = "unauthenticated", UNAUTHORIZED, Unauthenticated, false, "Not signed in";
    TokenExpired = "token-expired", UNAUTHORIZED, Unauthenticated, false, "The token has expired; get a new one";
    UseDpopNonce = "use-dpop-nonce", UNAUTHORIZED, Unauthenticated, true, "Repeat the proof with the nonce of this answer";
    SessionRevoked = "session-revoked", UNAUTHORIZED, Unauthenticated, false, "The session was ended";
    LoginFailed = "login-failed", UNAUTHORIZED, Unauthenticated, false, "Name or password is wrong, or the device is not known";
    Forbidden = "forbidden", FORBIDDEN, PermissionDenied, false, "Not allowed";
    TenantSuspended = "tenant-suspended", FORBIDDEN, PermissionDenied, false, "The institution is suspended";
    NotConfirmed = "not-confirmed", FORBIDDEN, PermissionDenied, false, "Nobody of the institution has confirmed you yet";

    // What it is about
    NotFound = "not-found", NOT_FOUND, NotFound, false, "Not found";
    Gone = "gone", GONE, NotFound, false, "It was erased";
    InviteUsed = "invite-used", GONE, FailedPrecondition, false, "The code was used already";
    InviteExpired = "invite-expired", GONE, FailedPrecondition, false, "The code has expired";
    AlreadyExists = "already-exists", CONFLICT, AlreadyExists, false, "It exists already";
    HandleTaken = "handle-taken", CONFLICT, AlreadyExists, false, "The handle is taken";
    Conflict = "conflict", CONFLICT, Aborted, true, "Someone else changed it at the same time";
    IdempotencyMismatch = "idempotency-mismatch", CONFLICT, AlreadyExists, false, "The idempotency key was used for another request";
    PreconditionFailed = "precondition-failed", PRECONDITION_FAILED, FailedPrecondition, false, "It changed since you read it";
    PreconditionRequired = "precondition-required", PRECONDITION_REQUIRED, FailedPrecondition, false, "Say which version you mean (If-Match)";

    // Keys, roster and epochs
    EpochChanged = "epoch-changed", CONFLICT, FailedPrecondition, false, "The recipient has a new key; seal the grant anew";
    RosterConflict = "roster-conflict", CONFLICT, Aborted, false, "The roster has moved on; read it and sign again";
    SignatureRefused = "signature-refused", UNPROCESSABLE_ENTITY, InvalidArgument, false, "A signature does not verify";
    RosterRefused = "roster-refused", UNPROCESSABLE_ENTITY, InvalidArgument, false, "The roster does not allow this change";
    RecipientUnknown = "recipient-unknown", UNPROCESSABLE_ENTITY, InvalidArgument, false, "A recipient is not known or has no key";

    // Records
    DigestMismatch = "digest-mismatch", UNPROCESSABLE_ENTITY, DataLoss, true, "The bytes are not the ones the digest names";
    PartConflict = "part-conflict", CONFLICT, AlreadyExists, false, "The part is here already, with other bytes";
    PartMissing = "part-missing", CONFLICT, FailedPrecondition, false, "Parts are missing";
    RecordState = "record-state", CONFLICT, FailedPrecondition, false, "The record's state does not allow it";
    ManifestRefused = "manifest-refused", UNPROCESSABLE_ENTITY, InvalidArgument, false, "The manifest does not fit what was uploaded";
    GrantRefused = "grant-refused", UNPROCESSABLE_ENTITY, InvalidArgument, false, "A grant does not fit the record";
    ReportNotWanted = "report-not-wanted", CONFLICT, FailedPrecondition, false, "The sender does not want the report back";
    Jurisdiction = "jurisdiction", CONFLICT, FailedPrecondition, false, "A zone lies outside the institution's jurisdiction";
    Damaged = "damaged", SERVICE_UNAVAILABLE, DataLoss, false, "No zone holds an undamaged copy";

    // How much
    RateLimited = "rate-limited", TOO_MANY_REQUESTS, ResourceExhausted, true, "Too many requests";
    Quota = "quota", TOO_MANY_REQUESTS, ResourceExhausted, false, "The institution's share is used up";
    LimitReached = "limit-reached", CONFLICT, FailedPrecondition, false, "There are as many as there may be";
    OverCapacity = "over-capacity", SERVICE_UNAVAILABLE, Unavailable, true, "Too busy at the moment";

    // The platform
    ZoneUnavailable = "zone-unavailable", SERVICE_UNAVAILABLE, Unavailable, true, "A zone that has to hold it does not answer";
    StorageFull = "storage-full", INSUFFICIENT_STORAGE, ResourceExhausted, true, "No room to store it";
    ClockHeld = "clock-held", SERVICE_UNAVAILABLE, FailedPrecondition, true, "The platform's clock has to be confirmed first";
    NotReady = "not-ready", SERVICE_UNAVAILABLE, Unavailable, true, "Not ready";
    Timeout = "timeout", GATEWAY_TIMEOUT, DeadlineExceeded, true, "A part of the platform did not answer in time";
    Internal = "internal", INTERNAL_SERVER_ERROR, Internal, true, "Something went wrong here";
}

impl Reason {
    /// The stable code, for example `epoch-changed`.
    pub const fn code(self) -> &'static str {
        self.row().code
    }

    /// The HTTP status.
    pub const fn status(self) -> StatusCode {
        self.row().status
    }

    /// The gRPC code.
    pub const fn grpc(self) -> Code {
        self.row().grpc
    }

    /// Whether the same request may succeed later without a change.
    pub const fn retryable(self) -> bool {
        self.row().retryable
    }

    /// The kind of problem in a few words.
    pub const fn title(self) -> &'static str {
        self.row().title
    }

    /// The reason of a code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|reason| reason.code() == code)
    }

    /// The reason in gRPC's `ErrorInfo`, for example `EPOCH_CHANGED` (AIP-193).
    pub fn grpc_reason(self) -> String {
        self.code().to_ascii_uppercase().replace('-', "_")
    }

    /// The reason of a gRPC `ErrorInfo`.
    pub fn from_grpc_reason(reason: &str) -> Option<Self> {
        Self::from_code(&reason.to_ascii_lowercase().replace('_', "-"))
    }

    /// The nearest reason of a bare gRPC code, for an answer that carries no `ErrorInfo`.
    pub const fn from_grpc_code(code: Code) -> Self {
        match code {
            Code::InvalidArgument => Self::InvalidRequest,
            Code::Unauthenticated => Self::Unauthenticated,
            Code::PermissionDenied => Self::Forbidden,
            Code::NotFound => Self::NotFound,
            Code::AlreadyExists => Self::AlreadyExists,
            Code::Aborted => Self::Conflict,
            Code::FailedPrecondition => Self::PreconditionFailed,
            Code::OutOfRange => Self::TooLarge,
            Code::ResourceExhausted | Code::Unavailable => Self::OverCapacity,
            Code::DeadlineExceeded | Code::Cancelled => Self::Timeout,
            _ => Self::Internal,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_are_unique_and_kebab() {
        let codes: BTreeSet<_> = Reason::ALL.iter().map(|reason| reason.code()).collect();
        assert_eq!(codes.len(), Reason::ALL.len());
        for reason in Reason::ALL {
            let code = reason.code();
            assert!(
                code.split('-').all(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase())),
                "{code}"
            );
            assert_eq!(Reason::from_code(code), Some(*reason));
            assert_eq!(Reason::from_grpc_reason(&reason.grpc_reason()), Some(*reason));
            assert!(reason.status().is_client_error() || reason.status().is_server_error());
            assert_ne!(reason.grpc(), Code::Ok);
            assert!(!reason.title().ends_with('.'), "{code}: a title is not a sentence");
        }
    }

    #[test]
    fn every_reason_is_documented() {
        let page = include_str!("../../../../docs/problems.md");
        for reason in Reason::ALL {
            let line = format!(
                "| `{}` | {} | {:?} | {} | {} |",
                reason.code(),
                reason.status().as_u16(),
                reason.grpc(),
                if reason.retryable() { "yes" } else { "no" },
                reason.title()
            );
            assert!(page.contains(&line), "docs/problems.md lacks this line:\n{line}");
        }
        let rows = page.lines().filter(|line| line.starts_with("| `")).count();
        assert_eq!(rows, Reason::ALL.len(), "docs/problems.md documents a reason that does not exist");
    }
}
