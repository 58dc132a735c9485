//! Where an HTTP/1 request ends, judged strictly before hyper sees it. Hyper is lenient where RFC 9112 lets it be: of
//! `Content-Length` and `Transfer-Encoding` it drops the one, two equal lengths count as one, a bare line feed ends a
//! line. Every such leniency is a way for a front and this server to see different requests in the same bytes
//! (FAULTS F27), so here they are refused: 400, and the connection is closed.
//!
//! This only looks; hyper still parses. The worst that a mistake here can do is to refuse.

mod rules;
#[cfg(test)]
mod tests;

use rules::{body_after, chunk_size, lines_end_in_crlf, starts_blank};

/// The bytes of a head, request line included.
const HEAD_BYTES: usize = 32 * 1024;
/// The bytes of a chunk's size line, extensions included.
const CHUNK_LINE_BYTES: usize = 256;
/// The bytes of all trailers.
const TRAILER_BYTES: usize = 8 * 1024;
const H2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The bytes are not one clear request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the request's framing is ambiguous")]
pub(super) struct Ambiguous;

/// Follows one connection's requests.
pub(super) struct Framing {
    state: State,
    /// A head or line that is not whole yet.
    held: Vec<u8>,
    first: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Head,
    Body {
        left: u64,
    },
    ChunkSize,
    ChunkData {
        left: u64,
    },
    ChunkEnd,
    Trailers {
        seen: usize,
    },
    /// HTTP/2 has lengths of its own.
    Http2,
}

impl Framing {
    pub(super) fn new() -> Self {
        Self { state: State::Head, held: Vec::new(), first: true }
    }

    /// Whether `input` lies wholly inside a body, which is the usual case and needs no look. Counts it if so.
    pub(super) fn passes(&mut self, input: &[u8]) -> bool {
        match &mut self.state {
            State::Http2 => true,
            State::Body { left } | State::ChunkData { left } if (input.len() as u64) < *left => {
                *left -= input.len() as u64;
                true
            }
            _ => false,
        }
    }

    /// Appends to `out` what of `input` is judged; the rest is held until more comes.
    pub(super) fn feed(&mut self, mut input: &[u8], out: &mut Vec<u8>) -> Result<(), Ambiguous> {
        while !input.is_empty() {
            match self.state {
                State::Http2 => {
                    out.extend_from_slice(input);
                    return Ok(());
                }
                State::Body { left } => {
                    let left = left - take(&mut input, left, out);
                    self.state = if left == 0 { State::Head } else { State::Body { left } };
                }
                State::ChunkData { left } => {
                    let left = left - take(&mut input, left, out);
                    self.state = if left == 0 { State::ChunkEnd } else { State::ChunkData { left } };
                }
                State::Head => self.head(&mut input, out)?,
                State::ChunkSize | State::ChunkEnd | State::Trailers { .. } => self.chunk_line(&mut input, out)?,
            }
        }
        Ok(())
    }

    /// What is held although the connection ended: hyper shall see that it is not whole.
    pub(super) fn take_held(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.held)
    }

    fn head(&mut self, input: &mut &[u8], out: &mut Vec<u8>) -> Result<(), Ambiguous> {
        if self.held.is_empty() && input.starts_with(b"\r\n") {
            *input = &input[2..]; // RFC 9112 § 2.2: an empty line before a request is ignored
            return Ok(());
        }
        let before = self.held.len();
        self.held.extend_from_slice(input);
        if self.first && self.held.starts_with(H2_PREFACE) {
            out.append(&mut self.held);
            self.state = State::Http2;
            *input = &[];
            return Ok(());
        }
        if self.first && H2_PREFACE.starts_with(&self.held) {
            *input = &[]; // may become the preface
            return Ok(());
        }
        let search = before.saturating_sub(3);
        let end = self.held[search..].windows(4).position(|four| four == b"\r\n\r\n").map(|at| search + at + 4);
        let head = &self.held[..end.unwrap_or(self.held.len())];
        lines_end_in_crlf(head, before.saturating_sub(1), end.is_some())?;
        let Some(end) = end else {
            *input = &[];
            return if self.held.len() > HEAD_BYTES { Err(Ambiguous) } else { Ok(()) };
        };
        if end > HEAD_BYTES {
            return Err(Ambiguous);
        }
        self.state = body_after(&self.held[..end])?;
        self.first = false;
        out.extend_from_slice(&self.held[..end]);
        *input = &input[end - before..];
        self.held.clear();
        Ok(())
    }

    fn chunk_line(&mut self, input: &mut &[u8], out: &mut Vec<u8>) -> Result<(), Ambiguous> {
        while let Some((&byte, rest)) = input.split_first() {
            *input = rest;
            self.held.push(byte);
            let bound = if matches!(self.state, State::Trailers { .. }) { TRAILER_BYTES } else { CHUNK_LINE_BYTES };
            if self.held.len() > bound {
                return Err(Ambiguous);
            }
            if byte != b'\n' {
                continue;
            }
            let line = self.held.strip_suffix(b"\r\n").ok_or(Ambiguous)?;
            if line.iter().any(|byte| matches!(byte, b'\r' | 0)) {
                return Err(Ambiguous);
            }
            self.state = match self.state {
                State::ChunkSize => match chunk_size(line)? {
                    0 => State::Trailers { seen: 0 },
                    left => State::ChunkData { left },
                },
                State::ChunkEnd if line.is_empty() => State::ChunkSize,
                State::Trailers { .. } if line.is_empty() => State::Head,
                State::Trailers { seen } if seen + line.len() <= TRAILER_BYTES && !starts_blank(line) => {
                    State::Trailers { seen: seen + line.len() }
                }
                _ => return Err(Ambiguous),
            };
            out.append(&mut self.held);
            return Ok(());
        }
        Ok(())
    }
}

/// Moves at most `most` bytes; returns how many.
fn take(input: &mut &[u8], most: u64, out: &mut Vec<u8>) -> u64 {
    let count = usize::try_from(most).unwrap_or(usize::MAX).min(input.len());
    let (now, later) = input.split_at(count);
    out.extend_from_slice(now);
    *input = later;
    count as u64
}
