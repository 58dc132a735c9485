//! Where an HTTP/1 request ends, judged strictly before hyper sees it. Hyper is lenient where RFC 9112 lets it be: of
//! `Content-Length` and `Transfer-Encoding` it drops the one, two equal lengths count as one, a bare line feed ends a
//! line. Every such leniency is a way for a front and this server to see different requests in the same bytes
//! (FAULTS F27), so here they are refused: 400, and the connection is closed.
//!
//! This only looks; hyper still parses. The worst that a mistake here can do is to refuse.

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

/// No bare line feed, no bare carriage return, no NUL, looking from byte `from` on. The last byte of an unfinished head may
/// be the first of a pair.
fn lines_end_in_crlf(head: &[u8], from: usize, whole: bool) -> Result<(), Ambiguous> {
    for (at, byte) in head.iter().enumerate().skip(from) {
        let clear = match byte {
            b'\n' => at > 0 && head[at - 1] == b'\r',
            b'\r' => head.get(at + 1).map_or(!whole, |next| *next == b'\n'),
            0 => false,
            _ => true,
        };
        if !clear {
            return Err(Ambiguous);
        }
    }
    Ok(())
}

/// What follows a whole head, by RFC 9112 § 6.3 without its leniencies.
fn body_after(head: &[u8]) -> Result<State, Ambiguous> {
    let mut lines =
        head[..head.len() - 4].split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let _request_line = lines.next();
    let (mut lengths, mut encodings, mut hosts) = (0, 0, 0);
    let mut length = 0;
    for line in lines {
        if starts_blank(line) {
            return Err(Ambiguous); // a folded line
        }
        let colon = line.iter().position(|byte| *byte == b':').ok_or(Ambiguous)?;
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        if name.is_empty() || name.iter().any(u8::is_ascii_whitespace) {
            return Err(Ambiguous);
        }
        if name.eq_ignore_ascii_case(b"content-length") {
            lengths += 1;
            length = decimal(value)?;
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            encodings += 1;
            if !value.eq_ignore_ascii_case(b"chunked") {
                return Err(Ambiguous);
            }
        } else if name.eq_ignore_ascii_case(b"host") {
            hosts += 1;
        }
    }
    match (lengths, encodings, hosts) {
        (_, _, 2..) => Err(Ambiguous),
        (0, 0, _) => Ok(State::Head),
        (1, 0, _) => Ok(if length == 0 { State::Head } else { State::Body { left: length } }),
        (0, 1, _) => Ok(State::ChunkSize),
        _ => Err(Ambiguous),
    }
}

fn starts_blank(line: &[u8]) -> bool {
    line.first().is_some_and(|byte| matches!(byte, b' ' | b'\t'))
}

fn decimal(value: &[u8]) -> Result<u64, Ambiguous> {
    if value.is_empty() || value.len() > 18 || !value.iter().all(u8::is_ascii_digit) {
        return Err(Ambiguous);
    }
    Ok(value.iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0')))
}

fn chunk_size(line: &[u8]) -> Result<u64, Ambiguous> {
    let digits = line.split(|byte| *byte == b';').next().unwrap_or_default();
    if digits.is_empty() || digits.len() > 15 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return Err(Ambiguous);
    }
    let text = std::str::from_utf8(digits).map_err(|_| Ambiguous)?;
    u64::from_str_radix(text, 16).map_err(|_| Ambiguous)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds `bytes` in pieces of `size` and returns what came through.
    fn run(bytes: &[u8], size: usize) -> Result<Vec<u8>, Ambiguous> {
        let (mut framing, mut out) = (Framing::new(), Vec::new());
        for piece in bytes.chunks(size) {
            if framing.passes(piece) {
                out.extend_from_slice(piece);
            } else {
                framing.feed(piece, &mut out)?;
            }
        }
        Ok(out)
    }

    #[test]
    fn clear_requests_pass_unchanged_however_they_are_cut() {
        let good: &[&[u8]] = &[
            b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\nA\r\n0123456789\r\n0\r\nX: y\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\n\r\x00",
        ];
        for bytes in good {
            for size in 1..=bytes.len() {
                assert_eq!(run(bytes, size).as_deref(), Ok(*bytes), "in pieces of {size}");
            }
        }
    }

    #[test]
    fn f27_whatever_two_readers_could_read_differently_is_refused() {
        let bad: &[&[u8]] = &[
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n folded\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost : a\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
            b"GET / HTTP/1.1\nHost: a\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\rX: y\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\x00\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloXX0\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff1\r\nhello\r\n0\r\n\r\n",
        ];
        for bytes in bad {
            for size in 1..=bytes.len() {
                assert_eq!(
                    run(bytes, size),
                    Err(Ambiguous),
                    "{:?} in pieces of {size}",
                    String::from_utf8_lossy(bytes)
                );
            }
        }
        let endless = [b"GET / HTTP/1.1\r\nHost: a\r\nX: ".as_slice(), &vec![b'x'; HEAD_BYTES]].concat();
        assert_eq!(run(&endless, 1_000), Err(Ambiguous));
    }
}
