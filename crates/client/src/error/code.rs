//! The platform's problem codes as an enum, with what a caller does about each. `docs/problems.md` is the list (a test
//! compares); a code of a newer server is [`Code::Other`].

macro_rules! codes {
    ($($name:ident = $code:literal, $retry:literal, $next:expr;)*) => {
        /// Why the platform refused.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Code {
            $(#[doc = concat!("`", $code, "`")] $name,)*
            /// A code this version does not know.
            Other,
        }

        impl Code {
            /// All known codes.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The code of a text.
            pub fn parse(text: &str) -> Self {
                match text { $($code => Self::$name,)* _ => Self::Other }
            }

            /// The text.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)* Self::Other => "other" }
            }

            /// Whether the same request may succeed later without a change.
            pub const fn retryable(self) -> bool {
                match self { $(Self::$name => $retry,)* Self::Other => false }
            }

            /// What to do next, in English.
            pub const fn next_step(self) -> &'static str {
                match self { $(Self::$name => $next,)* Self::Other => UPDATE }
            }
        }
    };
}

const CORRECT: &str = "Correct the request and repeat.";
const UPDATE: &str = "Bring client and server to versions that fit.";
const SIGN_IN: &str = "Sign in again.";
const LATER: &str = "Try again in a while; nothing is lost.";
const REPORT: &str = "Report it to the provider with the request id.";
const AGAIN: &str = "Read the current state and repeat.";
const NEW_CODE: &str = "Ask whoever gave you the code for a new one.";
const RIGHTS: &str = "Ask an owner of the institution.";
const UPLOAD_ANEW: &str = "Send the file again; it becomes a new record.";

codes! {
    InvalidRequest = "invalid-request", false, CORRECT;
    UnsupportedVersion = "unsupported-version", false, UPDATE;
    MethodNotAllowed = "method-not-allowed", false, UPDATE;
    RequestTimeout = "request-timeout", true, LATER;
    TooLarge = "too-large", false, CORRECT;
    UnsupportedMediaType = "unsupported-media-type", false, UPDATE;
    ContentEncoding = "content-encoding", false, UPDATE;
    RangeNotSatisfiable = "range-not-satisfiable", false, CORRECT;

    Unauthenticated = "unauthenticated", false, SIGN_IN;
    TokenExpired = "token-expired", false, SIGN_IN;
    UseDpopNonce = "use-dpop-nonce", true, "Check this machine's clock, then repeat.";
    SessionRevoked = "session-revoked", false, SIGN_IN;
    LoginFailed = "login-failed", false, "Check name and password, and that this device is the enrolled one.";
    Forbidden = "forbidden", false, RIGHTS;
    TenantSuspended = "tenant-suspended", false, "Ask your dealer or the provider.";
    NotConfirmed = "not-confirmed", false, "Ask a member of the institution to confirm you.";

    NotFound = "not-found", false, "Check the id and the profile.";
    Gone = "gone", false, "It was erased; a receipt says when.";
    InviteUsed = "invite-used", false, "If it was not you who used it, tell whoever gave it to you at once; ask for a new one.";
    InviteExpired = "invite-expired", false, NEW_CODE;
    AlreadyExists = "already-exists", false, "Use the one that exists, or another name.";
    HandleTaken = "handle-taken", false, "Choose another handle.";
    Conflict = "conflict", true, AGAIN;
    IdempotencyMismatch = "idempotency-mismatch", false, REPORT;
    PreconditionFailed = "precondition-failed", false, AGAIN;
    PreconditionRequired = "precondition-required", false, AGAIN;

    EpochChanged = "epoch-changed", false, AGAIN;
    RosterConflict = "roster-conflict", false, AGAIN;
    SignatureRefused = "signature-refused", false, REPORT;
    RosterRefused = "roster-refused", false, RIGHTS;
    RecipientUnknown = "recipient-unknown", false, "Check the recipient; it may have been removed.";

    DigestMismatch = "digest-mismatch", true, "Repeat; if it stays, test this machine's memory and network.";
    PartConflict = "part-conflict", false, UPLOAD_ANEW;
    PartMissing = "part-missing", false, "Send the missing parts, then commit again.";
    RecordState = "record-state", false, UPLOAD_ANEW;
    ManifestRefused = "manifest-refused", false, REPORT;
    GrantRefused = "grant-refused", false, REPORT;
    ReportNotWanted = "report-not-wanted", false, "This sender wants no reports back; the centre can change that.";
    Jurisdiction = "jurisdiction", false, "Ask the provider: a storage zone lies outside the jurisdiction.";
    Damaged = "damaged", false, "Ask the sender to send it again, and tell the provider.";

    RateLimited = "rate-limited", true, LATER;
    Quota = "quota", false, "Ask your dealer for a larger share, or erase what is no longer needed.";
    LimitReached = "limit-reached", false, "Remove what is no longer needed first.";
    OverCapacity = "over-capacity", true, LATER;

    ZoneUnavailable = "zone-unavailable", true, LATER;
    StorageFull = "storage-full", true, "Tell the provider; nothing was lost, nothing new can be stored.";
    ClockHeld = "clock-held", true, "Tell the provider: `siegel-admin clock confirm` is needed.";
    NotReady = "not-ready", true, LATER;
    Timeout = "timeout", true, LATER;
    Internal = "internal", true, REPORT;
}

#[cfg(test)]
mod tests {
    use super::Code;

    #[test]
    fn the_list_is_the_documented_one() {
        let page = include_str!("../../../../docs/problems.md");
        let rows: Vec<Vec<&str>> = page
            .lines()
            .filter(|line| line.starts_with("| `"))
            .map(|line| line.split('|').map(|cell| cell.trim().trim_matches('`')).collect())
            .collect();
        for row in &rows {
            let code = Code::parse(row[1]);
            assert_ne!(code, Code::Other, "the SDK does not know `{}`", row[1]);
            assert_eq!(code.retryable(), row[4] == "yes", "`{}`", row[1]);
        }
        assert_eq!(rows.len(), Code::ALL.len(), "the SDK knows a code that is not documented");
        assert_eq!(Code::parse("from-the-future"), Code::Other);
    }
}
