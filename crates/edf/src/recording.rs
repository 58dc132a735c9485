//! A whole recording: header and signal, streamed into any `Write` in constant memory.

use std::io::Write;

use crate::EdfError;
use crate::ecg::{Ecg, LEADS, Model, RATE_HZ};
use crate::header::{ANNOTATIONS, Header, Signal};
use crate::identity::{Date, Origin, Patient};
use crate::tal::{self, Annotation};

/// µV per step of a sample: 0.1, so that 16 bits reach ±3.2 mV.
const STEP_UV: f64 = 0.1;
/// Samples' worth of room (2 bytes each) for annotations in each one-second record.
const ANNOTATION_SAMPLES: usize = 64;
/// Records collected before they are handed to the writer (104 KiB).
const BATCH: usize = 64;

/// What to record.
#[derive(Clone)]
pub struct Recording {
    /// Who. For a demo: a name that must not be found anywhere afterwards.
    pub patient: Patient,
    /// When and with what.
    pub origin: Origin,
    /// How long, in seconds.
    pub duration_s: u32,
    /// The heart.
    pub model: Model,
    /// The same seed gives the same bytes.
    pub seed: u64,
    /// Events to annotate, in any order; at most one or two per second fit.
    pub events: Vec<Annotation>,
}

/// What came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Length of the file.
    pub bytes: u64,
    /// Heartbeats in it.
    pub beats: u64,
}

impl Recording {
    /// 24 hours of someone who does not exist, from 8 o'clock in the morning.
    pub fn example() -> Self {
        let born = Some(Date { year: 1958, month: 3, day: 14 });
        Self {
            patient: Patient { code: "P-0815".into(), sex: 'F', born, name: "Mustermann Erika".into() },
            origin: Origin {
                date: Date { year: 2026, month: 11, day: 2 },
                time_s: 8 * 3600,
                admin_code: "LZ-4711".into(),
                technician: "MTA Beispiel".into(),
                equipment: "Siegel synthetic recorder".into(),
            },
            duration_s: 86_400,
            model: Model::default(),
            seed: 1,
            events: vec![
                Annotation { onset_s: 0, duration_s: None, text: "Recording starts".into() },
                Annotation { onset_s: 90, duration_s: Some(30), text: "Treppe gestiegen".into() },
            ],
        }
    }

    /// Length of the file that [`Recording::write`] makes.
    pub fn size_bytes(&self) -> u64 {
        let record = 2 * (LEADS.len() * RATE_HZ + ANNOTATION_SAMPLES) as u64;
        256 * (2 + LEADS.len() as u64) + u64::from(self.duration_s) * record
    }

    /// Writes the file. Memory stays at a few hundred KiB however long the recording is; 24 hours take a second or two.
    pub fn write(&self, out: &mut impl Write) -> Result<Written, EdfError> {
        let signals = LEADS.iter().map(|label| ecg_signal(label)).chain([annotation_signal()]).collect();
        let header = Header::new(&self.patient, &self.origin, self.duration_s.into(), 1.0, signals)?;
        let mut bytes = header.bytes() as u64;
        out.write_all(&header.to_bytes()?)?;

        let mut ecg = Ecg::new(self.model, self.seed, self.origin.time_s);
        let mut second = [[0.0; LEADS.len()]; RATE_HZ];
        let mut batch = Vec::with_capacity(BATCH * header.record_bytes());
        for onset_s in 0..self.duration_s {
            ecg.second(&mut second);
            for lead in 0..LEADS.len() {
                // `as` saturates: an amplitude beyond ±3.2 mV is clipped, as a recorder's converter would.
                batch.extend(second.iter().flat_map(|sample| ((sample[lead] / STEP_UV).round() as i16).to_le_bytes()));
            }
            let events: Vec<_> = self.events.iter().filter(|event| event.onset_s == onset_s).collect();
            let annotations = batch.len();
            batch.resize(annotations + 2 * ANNOTATION_SAMPLES, 0);
            tal::fill(&mut batch[annotations..], onset_s.into(), &events)?;
            if batch.len() == batch.capacity() {
                bytes += flush(&mut batch, out)?;
            }
        }
        bytes += flush(&mut batch, out)?;
        Ok(Written { bytes, beats: ecg.beats() })
    }
}

fn flush(batch: &mut Vec<u8>, out: &mut impl Write) -> Result<u64, EdfError> {
    out.write_all(batch)?;
    let written = batch.len() as u64;
    batch.clear();
    Ok(written)
}

fn ecg_signal(label: &str) -> Signal {
    Signal {
        label: label.into(),
        transducer: "AgAgCl electrode".into(),
        unit: "uV".into(),
        physical_min: f64::from(i16::MIN) / 10.0,
        physical_max: f64::from(i16::MAX) / 10.0,
        digital_min: i16::MIN,
        digital_max: i16::MAX,
        prefilter: "HP:0.05Hz LP:100Hz N:50Hz".into(),
        samples: RATE_HZ,
    }
}

/// EDF+ 2.2.1: the physical range means nothing here but may not be empty, and the digital range is all 16 bits.
fn annotation_signal() -> Signal {
    Signal {
        label: ANNOTATIONS.into(),
        transducer: String::new(),
        unit: String::new(),
        physical_min: -1.0,
        physical_max: 1.0,
        digital_min: i16::MIN,
        digital_max: i16::MAX,
        prefilter: String::new(),
        samples: ANNOTATION_SAMPLES,
    }
}
