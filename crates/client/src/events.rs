//! `GET /v1/events`: what happens at the centre, as it happens. The line is opened again when it breaks, with the last
//! position, so that nothing is missed; the same event twice has the same id.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::BytesMut;
use siegel_api::events::Event;

use crate::error::{Error, Result};
use crate::http::{Auth, Budget, Request, next_piece};
use crate::session::Session;

/// One event's text and the rest of a line; more is not ours.
const EVENT_BYTES: usize = 256 * 1024;

/// An open line. Ask [`Events::next`] again and again.
pub struct Events {
    session: Session,
    response: Option<reqwest::Response>,
    parser: Parser,
    ahead: VecDeque<Event>,
    budget: Budget,
    bridge: Duration,
}

impl Events {
    pub(crate) fn new(session: Session, after: Option<String>) -> Self {
        let bridge = session.http().config().bridge;
        let parser = Parser { last_id: after, ..Parser::default() };
        Self { session, response: None, parser, ahead: VecDeque::new(), budget: Budget::new(bridge), bridge }
    }

    /// The position of the last event, to go on from in another process.
    pub fn position(&self) -> Option<&str> {
        self.parser.last_id.as_deref()
    }

    /// Opens the line now and waits until the platform says where it begins: what happens after this returns is not
    /// missed, even if nobody asks for it until later or the line breaks before the first event.
    pub async fn listen(&mut self) -> Result<()> {
        while self.response.is_none() || self.parser.last_id.is_none() {
            if let Some(event) = self.advance().await? {
                self.ahead.push_back(event);
            }
        }
        Ok(())
    }

    /// The next event; waits for it. An error means that the budget for bridging a broken line is used up.
    pub async fn next(&mut self) -> Result<Event> {
        loop {
            if let Some(event) = self.ahead.pop_front() {
                return Ok(event);
            }
            if let Some(event) = self.advance().await? {
                return Ok(event);
            }
        }
    }

    /// One step: an event that is there already, the next piece, or the next line.
    async fn advance(&mut self) -> Result<Option<Event>> {
        if let Some(event) = self.parser.next()? {
            self.budget = Budget::new(self.bridge);
            return Ok(Some(event));
        }
        let piece = match &mut self.response {
            Some(response) => next_piece(response).await,
            None => {
                self.response = Some(self.open().await?);
                return Ok(None);
            }
        };
        match piece {
            Ok(Some(piece)) => self.parser.push(&piece)?,
            // The server ends each stream when it shuts down: open the next one.
            Ok(None) => self.broken("the stream ended".to_owned()).await?,
            Err(interrupted) => self.broken(interrupted.0).await?,
        }
        Ok(None)
    }

    async fn broken(&mut self, what: String) -> Result<()> {
        self.response = None;
        self.parser.forget_half();
        let error = self.session.http().interrupted(crate::http::Interrupted(what));
        self.session.http().wait_or(&mut self.budget, error, true).await
    }

    async fn open(&mut self) -> Result<reqwest::Response> {
        let mut request =
            Request::new("GET /v1/events", &[], Auth::Session(&self.session)).header("accept", "text/event-stream");
        if let Some(id) = &self.parser.last_id {
            request = request.header("last-event-id", id);
        }
        self.session.http().send(&request).await
    }
}

/// The event-stream format (WHATWG HTML § 9.2), as far as we send it: `id`, `data`, comments.
#[derive(Default)]
struct Parser {
    buffer: BytesMut,
    id: Option<String>,
    data: String,
    last_id: Option<String>,
}

impl Parser {
    fn push(&mut self, piece: &[u8]) -> Result<()> {
        if self.buffer.len() + self.data.len() + piece.len() > EVENT_BYTES {
            return Err(Error::answer("GET /v1/events", "an event longer than it can be"));
        }
        self.buffer.extend_from_slice(piece);
        Ok(())
    }

    /// What came of an event before the line broke comes again on the next one.
    fn forget_half(&mut self) {
        self.buffer.clear();
        self.data.clear();
        self.id = None;
    }

    fn next(&mut self) -> Result<Option<Event>> {
        while let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
            let line = self.buffer.split_to(end + 1);
            let line = String::from_utf8_lossy(&line[..end]);
            let line = line.strip_suffix('\r').unwrap_or(&line);
            if line.is_empty() {
                let data = std::mem::take(&mut self.data);
                // A position may come alone: the first one, and those behind events that are not for us.
                self.last_id = self.id.take().or(self.last_id.take());
                if data.is_empty() {
                    continue;
                }
                let event = serde_json::from_str(&data).map_err(|error| Error::answer("GET /v1/events", error))?;
                return Ok(Some(event));
            }
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "data" => {
                    if !self.data.is_empty() {
                        self.data.push('\n');
                    }
                    self.data.push_str(value);
                }
                // Goes back as a header: printable ASCII or it is not a position of ours.
                "id" if value.bytes().all(|byte| byte.is_ascii_graphic()) => self.id = Some(value.to_owned()),
                _ => {}
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: &str = r#"{"specversion":"1.0","id":"evt_1","type":"siegel.record.committed.v1","source":"/siegel/upload","subject":"rec_1","time_ms":5,"data":{"record":"rec_1"}}"#;

    #[test]
    fn events_are_found_however_the_bytes_are_cut() {
        let stream = format!(": hello\n\nid: 7\ndata: {EVENT}\n\n: keep-alive\n\nid: 8\r\ndata:{EVENT}\r\n\r\n");
        for size in [1, 2, 7, stream.len()] {
            let mut parser = Parser::default();
            let mut seen = Vec::new();
            for piece in stream.as_bytes().chunks(size) {
                parser.push(piece).unwrap();
                while let Some(event) = parser.next().unwrap() {
                    seen.push((parser.last_id.clone().unwrap(), event.kind));
                }
            }
            let kind = "siegel.record.committed.v1".to_owned();
            assert_eq!(seen, [("7".to_owned(), kind.clone()), ("8".to_owned(), kind)]);
        }
    }

    /// What a hostile server may send: whatever it is and however it is cut, the answer is the same, and bounded.
    #[test]
    fn a_stream_of_anything_is_read_alike_however_it_is_cut() {
        let pieces: [&[u8]; 12] = [
            b"id: 7\n",
            b"data: {}\n",
            b"data: ",
            EVENT.as_bytes(),
            b"\n",
            b"\n\n",
            b"\r\n\r\n",
            b": x\n",
            b"\xff\xfe\n",
            b"id:\n",
            b"event: error\n",
            b"\0",
        ];
        for seed in 0..400_usize {
            let mut state = seed.wrapping_mul(0x9e37_79b9).wrapping_add(1);
            let stream: Vec<u8> = std::iter::repeat_with(|| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                pieces[(state >> 33) % pieces.len()]
            })
            .take(40)
            .flatten()
            .copied()
            .collect();
            let read = |size: usize| {
                let mut parser = Parser::default();
                let mut seen = Vec::new();
                for piece in stream.chunks(size) {
                    if parser.push(piece).is_err() {
                        break;
                    }
                    loop {
                        match parser.next() {
                            Ok(Some(event)) => seen.push(Some((event.id, parser.last_id.clone()))),
                            Ok(None) => break,
                            Err(_) => {
                                seen.push(None);
                                return seen;
                            }
                        }
                    }
                }
                seen
            };
            let whole = read(stream.len());
            assert!([1, 3, 64].into_iter().all(|size| read(size) == whole), "seed {seed}");
        }
    }

    #[test]
    fn half_an_event_is_not_one_and_does_not_move_the_position() {
        let mut parser = Parser { last_id: Some("6".to_owned()), ..Parser::default() };
        parser.push(format!("id: 7\ndata: {EVENT}\n").as_bytes()).unwrap();
        assert!(parser.next().unwrap().is_none());
        parser.forget_half();
        parser.push(b"\n\n").unwrap();
        assert!(parser.next().unwrap().is_none());
        assert_eq!(parser.last_id.as_deref(), Some("6"));
        parser.push(b"id: 9\n: only a position\n\n").unwrap();
        assert!(parser.next().unwrap().is_none());
        assert_eq!(parser.last_id.as_deref(), Some("9"), "a position may come without an event");
        parser.push(b"id: evil\x00header\ndata: {}\n\n").unwrap();
        assert!(parser.next().is_err(), "not an event of ours");
        assert!(parser.push(&vec![b'x'; EVENT_BYTES + 1]).is_err(), "a line that never ends");
    }
}
