//! Lists in pages, oldest first: the token says behind which row the next page begins.

use siegel_api::page::PageQuery;
use siegel_platform::Problem;
use siegel_platform::http::page::{PageTokens, page_size};

/// Age and id of the last row of a page.
pub(crate) type Cursor = (i64, String);

/// Where to begin, and how many items to give.
pub(crate) fn read_page(
    tokens: &PageTokens,
    scope: &[&str],
    query: &PageQuery,
) -> Result<(Option<Cursor>, u32), Problem> {
    let after = query.page_token.as_deref().map(|token| tokens.open(scope, token)).transpose()?;
    Ok((after, page_size(query)?))
}

/// Cuts a list that was read with one row too many, and says where the next page begins.
pub(crate) fn cut<T>(mut rows: Vec<T>, size: u32, cursor: impl Fn(&T) -> Cursor) -> (Vec<T>, Option<Cursor>) {
    let more = rows.len() > size as usize;
    rows.truncate(size as usize);
    let next = if more { rows.last().map(cursor) } else { None };
    (rows, next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_page_has_no_next() {
        let cursor = |n: &i64| (*n, String::new());
        assert_eq!(cut(vec![1, 2, 3], 2, cursor), (vec![1, 2], Some((2, String::new()))));
        assert_eq!(cut(vec![1, 2], 2, cursor), (vec![1, 2], None));
    }
}
