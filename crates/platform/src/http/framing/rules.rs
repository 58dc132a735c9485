//! The rules of RFC 9112 that leave no choice, over whole heads and lines.

use super::{Ambiguous, State};

/// No bare line feed, no bare carriage return, no NUL, looking from byte `from` on. The last byte of an unfinished head may
/// be the first of a pair.
pub(super) fn lines_end_in_crlf(head: &[u8], from: usize, whole: bool) -> Result<(), Ambiguous> {
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
pub(super) fn body_after(head: &[u8]) -> Result<State, Ambiguous> {
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

pub(super) fn starts_blank(line: &[u8]) -> bool {
    line.first().is_some_and(|byte| matches!(byte, b' ' | b'\t'))
}

fn decimal(value: &[u8]) -> Result<u64, Ambiguous> {
    if value.is_empty() || value.len() > 18 || !value.iter().all(u8::is_ascii_digit) {
        return Err(Ambiguous);
    }
    Ok(value.iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0')))
}

pub(super) fn chunk_size(line: &[u8]) -> Result<u64, Ambiguous> {
    let digits = line.split(|byte| *byte == b';').next().unwrap_or_default();
    if digits.is_empty() || digits.len() > 15 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return Err(Ambiguous);
    }
    let text = std::str::from_utf8(digits).map_err(|_| Ambiguous)?;
    u64::from_str_radix(text, 16).map_err(|_| Ambiguous)
}
