//! The event-stream format (WHATWG HTML § 9.2), as far as we send it: `id`, `data`, comments. What comes in is a server's,
//! so nothing of it is believed.

use bytes::BytesMut;
use siegel_api::events::Event;

use crate::error::{Error, Result};

/// One event's text and the rest of a line; more is not ours.
const EVENT_BYTES: usize = 256 * 1024;

/// Pieces of a stream go in, events come out.
#[derive(Default)]
pub struct Parser {
    buffer: BytesMut,
    id: Option<String>,
    data: String,
    last_id: Option<String>,
}

impl Parser {
    /// Goes on behind the event with that id.
    pub fn after(id: Option<String>) -> Self {
        Self { last_id: id, ..Self::default() }
    }

    /// The id of the last event, or of the last position that came alone.
    pub fn position(&self) -> Option<&str> {
        self.last_id.as_deref()
    }

    /// The next piece, cut wherever the network cut it. An error if an event gets longer than one can be.
    pub fn push(&mut self, piece: &[u8]) -> Result<()> {
        if self.buffer.len() + self.data.len() + piece.len() > EVENT_BYTES {
            return Err(Error::answer("GET /v1/events", "an event longer than it can be"));
        }
        self.buffer.extend_from_slice(piece);
        Ok(())
    }

    /// What came of an event before the line broke comes again on the next one.
    pub fn forget_half(&mut self) {
        self.buffer.clear();
        self.data.clear();
        self.id = None;
    }

    /// The next event that is there whole.
    #[expect(clippy::should_implement_trait, reason = "it goes on after `None`, when more came")]
    pub fn next(&mut self) -> Result<Option<Event>> {
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

/// What holds for any bytes: they are read alike however they are cut, in bounds, and nothing panics. For tests and fuzzing.
#[doc(hidden)]
pub fn check(stream: &[u8]) {
    let whole = read(stream, stream.len().max(1));
    for size in [1, 3, 64] {
        assert!(read(stream, size) == whole, "cut into {size}");
    }
}

/// Ids and positions as they come; `None` at the first error.
fn read(stream: &[u8], size: usize) -> Vec<Option<(String, Option<String>)>> {
    let (mut parser, mut seen) = (Parser::default(), Vec::new());
    for piece in stream.chunks(size) {
        if parser.push(piece).is_err() {
            break;
        }
        loop {
            match parser.next() {
                Ok(Some(event)) => seen.push(Some((event.id.to_string(), parser.last_id.clone()))),
                Ok(None) => break,
                Err(_) => {
                    seen.push(None);
                    return seen;
                }
            }
        }
    }
    seen
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
            check(&stream);
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
