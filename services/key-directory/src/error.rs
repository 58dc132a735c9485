//! Which problem an error of envelope or OPAQUE is, in one place. The sentences are constants of those
//! crates: they hold no ids, keys or names.

use siegel_envelope::epoch::EpochError;
use siegel_envelope::{DecodeError, RosterError, VerifyError};
use siegel_platform::{Problem, Reason};

/// An entry that can't be appended. Somebody else appended first: read the roster and sign again.
pub(crate) fn roster(error: RosterError) -> Problem {
    let reason = match error {
        RosterError::Sequence => Reason::RosterConflict,
        RosterError::Limit => Reason::LimitReached,
        RosterError::UnknownSigner => Reason::SignatureRefused,
        RosterError::Verify(error) => return signature(error),
        _ => Reason::RosterRefused,
    };
    Problem::new(reason).detail(error.to_string())
}

/// A statement or bundle that does not belong to the roster's newest epoch.
pub(crate) fn epoch(error: EpochError) -> Problem {
    match error {
        EpochError::Verify(error) => signature(error),
        error => Problem::new(Reason::RosterRefused).detail(error.to_string()),
    }
}

/// A signed object that is not believed.
pub(crate) fn signature(error: VerifyError) -> Problem {
    let reason = match error {
        VerifyError::Decode(_) | VerifyError::Invalid(_) | VerifyError::Kind => Reason::InvalidRequest,
        VerifyError::Algorithm(_) => Reason::UnsupportedVersion,
        VerifyError::Signer | VerifyError::Signature => Reason::SignatureRefused,
    };
    Problem::new(reason).detail(error.to_string())
}

/// A field that holds no object of its kind.
pub(crate) fn decode(field: &'static str, error: DecodeError) -> Problem {
    Problem::invalid(field, error.to_string())
}

/// A change that fits the roster but not this request.
pub(crate) fn does_not_fit(sentence: &'static str) -> Problem {
    Problem::new(Reason::RosterRefused).detail(sentence)
}

/// OPAQUE failed where it can't with well-formed input.
pub(crate) fn opaque(error: opaque_ke::errors::ProtocolError) -> Problem {
    Problem::internal(error)
}
