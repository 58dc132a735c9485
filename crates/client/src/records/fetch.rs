//! Fetching sealed bytes. A broken line goes on at the byte where it broke; progress renews the budget.

use siegel_domain::RecordId;

use crate::error::{Error, Result};
use crate::http::{Budget, Interrupted, Meter, Request, STALL, next_piece};
use crate::session::Session;
use crate::time::Moment;

/// Fewer bytes than these in [`STALL`], or in an attempt, are no progress: else a server that sends a few bytes now and then
/// would hold its caller for days.
const PROGRESS_BYTES: usize = 16 * 1024;
const ROUTE: &str = "GET /v1/records/{record}/parts/{number}";

/// What to fetch: `from..to` of the sealed part `number`, which has `whole` bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    pub(super) record: RecordId,
    pub(super) number: u32,
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) whole: usize,
}

impl Wanted {
    /// A part as a whole.
    pub(super) const fn part(record: RecordId, number: u32, whole: usize) -> Self {
        Self { record, number, from: 0, to: whole, whole }
    }
}

/// Fetches into `buffer`, which is overwritten and handed back.
pub(super) async fn fetch(session: &Session, wanted: Wanted, mut buffer: Vec<u8>, meter: &Meter) -> Result<Vec<u8>> {
    let length = wanted.to - wanted.from;
    buffer.clear();
    buffer.reserve_exact(length);
    let http = session.http();
    let mut budget = Budget::new(http.config().bridge);
    loop {
        let before = buffer.len();
        let error = match attempt(session, wanted, &mut buffer, meter).await? {
            Ok(()) if buffer.len() == length => return Ok(buffer),
            Ok(()) => Interrupted("the answer ended early".to_owned()),
            Err(interrupted) => interrupted,
        };
        if buffer.len() - before >= PROGRESS_BYTES {
            budget = Budget::new(http.config().bridge);
        }
        http.wait_or(&mut budget, http.interrupted(error), true).await?;
    }
}

async fn attempt(
    session: &Session,
    wanted: Wanted,
    buffer: &mut Vec<u8>,
    meter: &Meter,
) -> Result<Result<(), Interrupted>> {
    let from = wanted.from + buffer.len();
    let length = wanted.to - wanted.from;
    let mut request = Request::new(ROUTE, &[&wanted.record, &wanted.number], session.auth()).bulk();
    let ranged = from > 0 || wanted.to < wanted.whole;
    if ranged {
        request = request.header("range", &format!("bytes={from}-{}", wanted.to - 1));
    }
    let mut response = session.http().send(&request).await?;
    if ranged != (response.status() == http::StatusCode::PARTIAL_CONTENT) {
        return Err(Error::answer(ROUTE, "not the range that was asked for"));
    }
    let mut since = (Moment::now(), buffer.len());
    loop {
        match next_piece(&mut response).await {
            Ok(Some(piece)) => {
                if buffer.len() + piece.len() > length {
                    return Err(Error::answer(ROUTE, "more bytes than the part has"));
                }
                meter.add(piece.len() as u64);
                buffer.extend_from_slice(&piece);
                if buffer.len() - since.1 >= PROGRESS_BYTES {
                    since = (Moment::now(), buffer.len());
                } else if since.0.elapsed() > STALL {
                    return Ok(Err(Interrupted("the line crawls".to_owned())));
                }
            }
            Ok(None) => return Ok(Ok(())),
            Err(interrupted) => return Ok(Err(interrupted)),
        }
    }
}
