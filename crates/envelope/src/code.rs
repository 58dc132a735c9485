//! The enrolment code as people pass it on: `siegel-` and base64url of the canonical CBOR of [`EnrolmentCode`] with
//! four bytes of BLAKE3 behind it, so that a slip in copying is noticed before anything is sent. It holds the secret:
//! never logged, shown once.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use minicbor::{Decode, Encode};
use siegel_domain::TenantId;
use zeroize::{Zeroize, Zeroizing};

use crate::bytes::Digest;
use crate::cbor;
use crate::keys::Fingerprint;

const PREFIX: &str = "siegel-";
const CHECK_BYTES: usize = 4;
const MAX_BYTES: usize = 512;
const URL_BYTES: usize = 255;

/// Not an enrolment code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CodeError {
    /// Does not look like one at all.
    #[error("this is not an enrolment code (they begin with `siegel-`)")]
    NotACode,
    /// Looks like one, but letters are missing or wrong.
    #[error("the enrolment code has a typing error or is cut off; please copy it again")]
    Typo,
    /// Well copied, but made by a version this one does not know, or against the rules.
    #[error("this enrolment code was made for another version")]
    Version,
}

/// Whom a code lets in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum CodeKind {
    /// The first owner of a tenant; later owners come in as members do.
    #[n(0)]
    Owner,
    /// A further member.
    #[n(1)]
    Member,
    /// A sender.
    #[n(2)]
    Sender,
    /// A dealer.
    #[n(3)]
    Dealer,
}

impl CodeKind {
    /// The word in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Member => "member",
            Self::Sender => "sender",
            Self::Dealer => "dealer",
        }
    }

    /// The kind of that name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Owner, Self::Member, Self::Sender, Self::Dealer].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// The 128 random bits of a code. Wiped when dropped, not shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct CodeSecret(Box<[u8; 16]>);

impl CodeSecret {
    /// From 16 bytes drawn by a cryptographic generator.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Box::new(bytes))
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl Drop for CodeSecret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for CodeSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[REDACTED]")
    }
}

impl<C> Encode<C> for CodeSecret {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.bytes(&self.0[..])?.ok()
    }
}

impl<'b, C> Decode<'b, C> for CodeSecret {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        let bytes = d.bytes()?.try_into().map_err(|_| minicbor::decode::Error::message("wrong length"))?;
        Ok(Self::from_bytes(bytes))
    }
}

/// What a code holds.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct EnrolmentCode {
    /// Where to go: `https://host[:port]`.
    #[n(0)]
    pub url: String,
    /// BLAKE3-256 of the certificate (DER) of the CA to trust, if it is not a public one.
    #[n(1)]
    pub ca: Option<Digest>,
    /// The tenant; a dealer's code has none.
    #[n(2)]
    pub tenant: Option<TenantId>,
    /// Whom it lets in.
    #[n(3)]
    pub kind: CodeKind,
    /// The secret that authenticates both sides.
    #[n(4)]
    pub secret: CodeSecret,
    /// The tenant's root. An owner's code has none, since the owner makes the first entry; nor has a dealer's.
    #[n(5)]
    pub root: Option<Fingerprint>,
}

impl EnrolmentCode {
    /// The text to pass on; wiped when dropped.
    pub fn to_text(&self) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new(cbor::encode_within(self, MAX_BYTES));
        let check = Digest::of(&bytes);
        bytes.extend_from_slice(&check.as_bytes()[..CHECK_BYTES]);
        let mut text = Zeroizing::new(String::with_capacity(PREFIX.len() + bytes.len().div_ceil(3) * 4));
        text.push_str(PREFIX);
        URL_SAFE_NO_PAD.encode_string(&bytes[..], &mut text);
        text
    }

    fn rules_hold(&self) -> bool {
        let host = self.url.strip_prefix("https://").or_else(|| self.url.strip_prefix("http://"));
        let plain = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'-' | b':' | b'[' | b']' | b'_');
        let host_ok = self.url.len() <= URL_BYTES && host.is_some_and(|h| !h.is_empty() && h.bytes().all(plain));
        let tenant_ok = self.tenant.is_some() != (self.kind == CodeKind::Dealer);
        let root_ok = self.root.is_some() == matches!(self.kind, CodeKind::Member | CodeKind::Sender);
        host_ok && tenant_ok && root_ok
    }
}

impl FromStr for EnrolmentCode {
    type Err = CodeError;

    /// White space anywhere is ignored: codes get wrapped in e-mails.
    fn from_str(text: &str) -> Result<Self, CodeError> {
        if text.len() > 4 * MAX_BYTES {
            return Err(CodeError::NotACode);
        }
        let text: Zeroizing<String> = Zeroizing::new(text.split_whitespace().collect());
        let body = text.strip_prefix(PREFIX).ok_or(CodeError::NotACode)?;
        let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(body).map_err(|_| CodeError::Typo)?);
        let (bytes, check) = bytes.split_last_chunk::<CHECK_BYTES>().ok_or(CodeError::Typo)?;
        if Digest::of(bytes).as_bytes()[..CHECK_BYTES] != check[..] {
            return Err(CodeError::Typo);
        }
        let code: Self = cbor::decode(bytes, MAX_BYTES).map_err(|_| CodeError::Version)?;
        if code.rules_hold() { Ok(code) } else { Err(CodeError::Version) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code() -> EnrolmentCode {
        EnrolmentCode {
            url: "https://siegel.example:8443".to_owned(),
            ca: Some(Digest::of(b"a certificate")),
            tenant: Some(TenantId::from_bytes([1; 16])),
            kind: CodeKind::Sender,
            secret: CodeSecret::from_bytes([7; 16]),
            root: Some(Fingerprint::from_bytes([2; 32])),
        }
    }

    #[test]
    fn a_code_survives_wrapping_and_notices_slips() {
        let text = code().to_text();
        assert_eq!(text.parse(), Ok(code()));
        let wrapped = format!("  {}\r\n {}\n", &text[..40], &text[40..]);
        assert_eq!(wrapped.parse(), Ok(code()));
        for place in 7..text.len() {
            let mut slip = text.as_bytes().to_vec();
            slip[place] = if slip[place] == b'A' { b'B' } else { b'A' };
            let slip = String::from_utf8(slip).expect("ASCII");
            assert_eq!(slip.parse::<EnrolmentCode>(), Err(CodeError::Typo), "{place}");
        }
        assert_eq!(text[..text.len() - 3].parse::<EnrolmentCode>(), Err(CodeError::Typo));
        assert_eq!("hello".parse::<EnrolmentCode>(), Err(CodeError::NotACode));
    }

    #[test]
    fn the_rules_of_each_kind_hold() {
        let dealer = EnrolmentCode { kind: CodeKind::Dealer, tenant: None, root: None, ..code() };
        assert_eq!(dealer.to_text().parse(), Ok(dealer));
        for bad in [
            EnrolmentCode { root: None, ..code() },
            EnrolmentCode { kind: CodeKind::Owner, ..code() },
            EnrolmentCode { kind: CodeKind::Dealer, root: None, ..code() },
            EnrolmentCode { url: "file:///etc/passwd".to_owned(), ..code() },
            EnrolmentCode { url: "https://user@host/path".to_owned(), ..code() },
        ] {
            assert_eq!(bad.to_text().parse::<EnrolmentCode>(), Err(CodeError::Version), "{}", bad.url);
        }
    }

    #[test]
    fn the_secret_is_not_shown() {
        assert!(!format!("{:?}", code()).contains("7, 7"));
        assert!(format!("{:?}", code()).contains("REDACTED"));
    }
}
