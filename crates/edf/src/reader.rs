//! Record by record out of any `Read`; nothing the header claims is believed beyond its bounds.

use std::io::{ErrorKind, Read};

use crate::EdfError;
use crate::header::Header;

/// An EDF or EDF+ file being read from front to back.
pub struct Reader<R> {
    input: R,
    header: Header,
    record: Vec<u8>,
    read: u64,
}

impl<R: Read> Reader<R> {
    /// Reads and checks the header.
    pub fn open(mut input: R) -> Result<Self, EdfError> {
        let mut fixed = [0; 256];
        fill(&mut input, &mut fixed)?;
        let (mut header, signals) = Header::parse_fixed(&fixed)?;
        let mut rest = vec![0; 256 * signals];
        fill(&mut input, &mut rest)?;
        header.parse_signals(&rest, signals)?;
        let record = vec![0; header.record_bytes()];
        Ok(Self { input, header, record, read: 0 })
    }

    /// What the recording is.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The next data record, or `None` at the end. A file shorter than its header says is an error.
    pub fn next_record(&mut self) -> Result<Option<&[u8]>, EdfError> {
        if self.header.records == Some(self.read) {
            return Ok(None);
        }
        // A recorder that was cut off leaves "-1 records": then the file ends where it ends, between two records.
        if self.header.records.is_none() && !self.more()? {
            return Ok(None);
        }
        let known = usize::from(self.header.records.is_none());
        fill(&mut self.input, &mut self.record[known..])?;
        self.read += 1;
        Ok(Some(&self.record))
    }

    /// Reads one byte ahead into the record, to see whether there is another one.
    fn more(&mut self) -> Result<bool, EdfError> {
        match self.input.read_exact(&mut self.record[..1]) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// The samples of signal `index` in a data record, in the signal's unit.
pub fn samples<'a>(header: &'a Header, record: &'a [u8], index: usize) -> impl Iterator<Item = f64> + 'a {
    let signal = &header.signals[index];
    let (pairs, _) = record[header.signal_range(index)].as_chunks::<2>();
    pairs.iter().map(|&pair| signal.physical(i16::from_le_bytes(pair)))
}

fn fill(input: &mut impl Read, buffer: &mut [u8]) -> Result<(), EdfError> {
    input.read_exact(buffer).map_err(|error| match error.kind() {
        ErrorKind::UnexpectedEof => EdfError::Format("the file is cut short"),
        _ => error.into(),
    })
}
