//! ETags of things that are edited: a count of changes. Who edits says which version they saw (`If-Match`), so that two
//! people can't overwrite each other unnoticed.

use axum::http::header::IF_MATCH;
use axum::http::{HeaderMap, HeaderValue};

use crate::problem::{Problem, Reason};

/// The tag of a version, for example `"7"`.
pub fn etag(version: i64) -> String {
    format!("\"{version}\"")
}

/// The same as a header's value.
pub fn etag_header(version: i64) -> HeaderValue {
    HeaderValue::try_from(etag(version)).expect("digits and quotes are a header value")
}

/// Refuses an edit that does not say which version it means (428) or means another (412). `*` means any.
pub fn require_match(headers: &HeaderMap, version: i64) -> Result<(), Problem> {
    let mut values = headers.get_all(IF_MATCH).iter().peekable();
    if values.peek().is_none() {
        return Err(Reason::PreconditionRequired.into());
    }
    let current = etag(version);
    let mut tags = values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).map(str::trim);
    if tags.any(|tag| tag == "*" || tag == current) { Ok(()) } else { Err(Reason::PreconditionFailed.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_says_which_version_it_means() {
        let ask = |value: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            value.map(|value| headers.insert(IF_MATCH, HeaderValue::from_static(value)));
            require_match(&headers, 7).map_err(|problem| problem.reason())
        };
        assert_eq!(ask(None), Err(Reason::PreconditionRequired));
        assert_eq!(ask(Some("\"6\"")), Err(Reason::PreconditionFailed));
        assert_eq!(ask(Some("W/\"7\"")), Err(Reason::PreconditionFailed));
        for good in ["\"7\"", "\"6\", \"7\"", "*"] {
            assert_eq!(ask(Some(good)), Ok(()));
        }
    }
}
