//! The header of EDF+: fixed-width ASCII fields, 256 bytes for the recording and 256 for each signal.

use crate::EdfError;
use crate::identity::{Origin, Patient};

/// Label that marks the signal which carries annotations instead of samples.
pub const ANNOTATIONS: &str = "EDF Annotations";
/// Most signals a header may announce; real recorders have up to a few dozen.
pub const MAX_SIGNALS: usize = 256;
/// Largest data record accepted, in bytes. EDF+ recommends at most 61,440.
pub const MAX_RECORD_BYTES: usize = 1 << 20;

/// Widths of the per-signal fields, in the order in which they are stored.
const SIGNAL_FIELDS: [usize; 10] = [16, 80, 8, 8, 8, 8, 8, 80, 8, 32];

/// One channel of the recording.
#[derive(Clone, Debug, PartialEq)]
pub struct Signal {
    /// Such as `ECG II`; `EDF Annotations` for the annotation channel.
    pub label: String,
    /// Kind of electrode.
    pub transducer: String,
    /// Unit of the physical values, such as `uV`.
    pub unit: String,
    /// Physical value of `digital_min`, in `unit`.
    pub physical_min: f64,
    /// Physical value of `digital_max`, in `unit`.
    pub physical_max: f64,
    /// Smallest sample value.
    pub digital_min: i16,
    /// Largest sample value.
    pub digital_max: i16,
    /// Filters the recorder applied, such as `HP:0.05Hz LP:100Hz N:50Hz`.
    pub prefilter: String,
    /// Samples (of 2 bytes) per data record.
    pub samples: usize,
}

impl Signal {
    /// Physical value of a sample, in `unit`.
    pub fn physical(&self, digital: i16) -> f64 {
        let digital_span = f64::from(self.digital_max) - f64::from(self.digital_min);
        let gain = (self.physical_max - self.physical_min) / digital_span;
        self.physical_min + (f64::from(digital) - f64::from(self.digital_min)) * gain
    }

    /// Whether this is the channel of annotations rather than of samples.
    pub fn is_annotations(&self) -> bool {
        self.label == ANNOTATIONS
    }
}

/// Everything before the first data record.
#[derive(Clone)]
pub struct Header {
    /// "local patient identification", 80 characters. Personal data.
    pub patient: String,
    /// "local recording identification", 80 characters. Personal data.
    pub recording: String,
    /// Start date `dd.mm.yy`.
    pub start_date: String,
    /// Start time `hh.mm.ss`.
    pub start_time: String,
    /// `EDF+C` (no gaps), `EDF+D` (gaps) or nothing (plain EDF).
    pub kind: String,
    /// Number of data records; `None` while a recorder is still writing (-1 in the file).
    pub records: Option<u64>,
    /// Length of one data record, in seconds.
    pub record_s: f64,
    /// The channels, in file order.
    pub signals: Vec<Signal>,
}

impl Header {
    /// The header of a gapless EDF+ recording.
    pub fn new(
        patient: &Patient,
        origin: &Origin,
        records: u64,
        record_s: f64,
        signals: Vec<Signal>,
    ) -> Result<Self, EdfError> {
        let (date, time) = (origin.date, origin.time_s);
        if !(1985..=2084).contains(&date.year) {
            return Err(EdfError::Field { field: "start date", why: "two digits stand for 1985 to 2084" });
        }
        if time >= 86_400 {
            return Err(EdfError::Field { field: "start time", why: "a day has 86,400 seconds" });
        }
        Ok(Self {
            patient: patient.field()?,
            recording: origin.field()?,
            start_date: format!("{:02}.{:02}.{:02}", date.day, date.month, date.year % 100),
            start_time: format!("{:02}.{:02}.{:02}", time / 3600, time / 60 % 60, time % 60),
            kind: "EDF+C".into(),
            records: Some(records),
            record_s,
            signals,
        })
    }

    /// Length of the header in the file, in bytes.
    pub fn bytes(&self) -> usize {
        256 * (1 + self.signals.len())
    }

    /// Length of one data record, in bytes.
    pub fn record_bytes(&self) -> usize {
        self.signals.iter().map(|signal| 2 * signal.samples).sum()
    }

    /// Where a signal's samples lie inside a data record.
    pub fn signal_range(&self, index: usize) -> std::ops::Range<usize> {
        let start: usize = self.signals[..index].iter().map(|signal| 2 * signal.samples).sum();
        start..start + 2 * self.signals[index].samples
    }

    /// The header as it stands in the file.
    pub fn to_bytes(&self) -> Result<Vec<u8>, EdfError> {
        let mut out = Vec::with_capacity(self.bytes());
        let records = self.records.map_or_else(|| "-1".into(), |count| count.to_string());
        put(&mut out, 8, "version", "0")?;
        put(&mut out, 80, "patient", &self.patient)?;
        put(&mut out, 80, "recording", &self.recording)?;
        put(&mut out, 8, "start date", &self.start_date)?;
        put(&mut out, 8, "start time", &self.start_time)?;
        put(&mut out, 8, "header length", &self.bytes().to_string())?;
        put(&mut out, 44, "format", &self.kind)?;
        put(&mut out, 8, "number of records", &records)?;
        put(&mut out, 8, "record length", &self.record_s.to_string())?;
        put(&mut out, 4, "number of signals", &self.signals.len().to_string())?;
        // Field by field over all signals, not signal by signal: that is how EDF lays them out.
        for (field, width) in SIGNAL_FIELDS.into_iter().enumerate() {
            for signal in &self.signals {
                put(&mut out, width, "signal", &signal_field(signal, field))?;
            }
        }
        Ok(out)
    }

    /// Reads the first 256 bytes; the second value is the number of signals whose 256 bytes each follow.
    pub fn parse_fixed(bytes: &[u8; 256]) -> Result<(Self, usize), EdfError> {
        let mut fields = Fields { bytes, at: 0 };
        if fields.text(8)? != "0" {
            return Err(EdfError::Format("the version is not 0"));
        }
        let (patient, recording) = (fields.text(80)?, fields.text(80)?);
        let (start_date, start_time) = (fields.text(8)?, fields.text(8)?);
        let header_bytes: usize = fields.number(8, "header length")?;
        let kind = fields.text(44)?;
        let records: i64 = fields.number(8, "number of records")?;
        let record_s: f64 = fields.number(8, "record length")?;
        let signals: usize = fields.number(4, "number of signals")?;
        if signals == 0 || signals > MAX_SIGNALS || header_bytes != 256 * (1 + signals) {
            return Err(EdfError::Format("number of signals and header length do not agree"));
        }
        if !record_s.is_finite() || record_s < 0.0 {
            return Err(EdfError::Format("record length"));
        }
        let records = u64::try_from(records).ok();
        let header = Self { patient, recording, start_date, start_time, kind, records, record_s, signals: Vec::new() };
        Ok((header, signals))
    }

    /// Reads the signals' part of the header (`count` × 256 bytes) into `self`.
    pub fn parse_signals(&mut self, bytes: &[u8], count: usize) -> Result<(), EdfError> {
        let mut fields = Fields { bytes, at: 0 };
        let mut texts = vec![Vec::with_capacity(SIGNAL_FIELDS.len()); count];
        for width in SIGNAL_FIELDS {
            for signal in &mut texts {
                signal.push(fields.text(width)?);
            }
        }
        self.signals = texts.iter().map(|fields| parse_signal(fields)).collect::<Result<_, _>>()?;
        match self.record_bytes() {
            0 => Err(EdfError::Format("records are empty")),
            bytes if bytes > MAX_RECORD_BYTES => Err(EdfError::Format("records are longer than 1 MiB")),
            _ => Ok(()),
        }
    }
}

fn signal_field(signal: &Signal, field: usize) -> String {
    match field {
        0 => signal.label.clone(),
        1 => signal.transducer.clone(),
        2 => signal.unit.clone(),
        3 => signal.physical_min.to_string(),
        4 => signal.physical_max.to_string(),
        5 => signal.digital_min.to_string(),
        6 => signal.digital_max.to_string(),
        7 => signal.prefilter.clone(),
        8 => signal.samples.to_string(),
        _ => String::new(), // reserved
    }
}

fn parse_signal(fields: &[String]) -> Result<Signal, EdfError> {
    let signal = Signal {
        label: fields[0].clone(),
        transducer: fields[1].clone(),
        unit: fields[2].clone(),
        physical_min: number(&fields[3], "physical minimum")?,
        physical_max: number(&fields[4], "physical maximum")?,
        digital_min: number(&fields[5], "digital minimum")?,
        digital_max: number(&fields[6], "digital maximum")?,
        prefilter: fields[7].clone(),
        samples: number(&fields[8], "samples per record")?,
    };
    if signal.digital_min >= signal.digital_max || signal.samples > MAX_RECORD_BYTES {
        return Err(EdfError::Format("a signal's range or sample count"));
    }
    Ok(signal)
}

fn put(out: &mut Vec<u8>, width: usize, field: &'static str, text: &str) -> Result<(), EdfError> {
    if !text.bytes().all(|byte| (32..127).contains(&byte)) {
        return Err(EdfError::Field { field, why: "EDF+ takes printable ASCII only; write ae for ä" });
    }
    if text.len() > width {
        return Err(EdfError::Field { field, why: "it is too long" });
    }
    out.extend_from_slice(text.as_bytes());
    out.extend(std::iter::repeat_n(b' ', width - text.len()));
    Ok(())
}

fn number<T: std::str::FromStr>(text: &str, field: &'static str) -> Result<T, EdfError> {
    text.parse().map_err(|_| EdfError::Format(field))
}

/// Walks over fixed-width fields.
struct Fields<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Fields<'_> {
    fn text(&mut self, width: usize) -> Result<String, EdfError> {
        let field = self.bytes.get(self.at..self.at + width).ok_or(EdfError::Format("the header is cut short"))?;
        self.at += width;
        // Old recorders write Latin-1 here; what is shown to people then has a question mark, but the file opens.
        Ok(field
            .iter()
            .map(|&byte| if (32..127).contains(&byte) { char::from(byte) } else { '?' })
            .collect::<String>()
            .trim()
            .into())
    }

    fn number<T: std::str::FromStr>(&mut self, width: usize, field: &'static str) -> Result<T, EdfError> {
        number(&self.text(width)?, field)
    }
}
