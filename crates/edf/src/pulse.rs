//! Finds heartbeats: slope squared, averaged over the width of a QRS complex, against a threshold that follows the
//! signal.
//!
//! A short form of Pan and Tompkins, "A real-time QRS detection algorithm" (IEEE Trans. Biomed. Eng. 1985). Good enough
//! to show that a recording arrived whole; no diagnosis may rest on it.

use std::collections::VecDeque;
use std::io::Read;

use crate::EdfError;
use crate::header::Header;
use crate::reader::{Reader, samples};

/// What an evaluation found.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// Length of what was read, in seconds.
    pub duration_s: f64,
    /// Heartbeats found.
    pub beats: u64,
    /// Mean heart rate, in beats per minute.
    pub mean_bpm: f64,
    /// Slowest whole minute, in beats per minute.
    pub min_bpm: f64,
    /// Fastest whole minute, in beats per minute.
    pub max_bpm: f64,
    /// Longest time without a beat, in seconds.
    pub longest_pause_s: f64,
    /// Label of the channel that was evaluated.
    pub channel: String,
}

/// Reads the whole recording and evaluates lead II, or else the first ECG channel.
pub fn evaluate<R: Read>(reader: &mut Reader<R>) -> Result<Summary, EdfError> {
    let header = reader.header().clone();
    let channel = choose(&header).ok_or(EdfError::NoEcg)?;
    let signal = &header.signals[channel];
    let rate_hz = signal.samples as f64 / header.record_s;
    // Below 50 Hz a QRS complex has too few samples; above 10 kHz the windows below would be unreasonably long.
    if !(50.0..=10_000.0).contains(&rate_hz) {
        return Err(EdfError::Format("the ECG channel's sampling rate"));
    }
    let mut detector = Detector::new(rate_hz);
    let mut tally = Tally::default();
    while let Some(record) = reader.next_record()? {
        for value in samples(&header, record, channel) {
            if let Some(at_s) = detector.sample(value) {
                tally.beat(at_s);
            }
        }
    }
    Ok(tally.summary(detector.seconds(), &signal.label))
}

fn choose(header: &Header) -> Option<usize> {
    let ecg = |label: &str| label.starts_with("ECG") || label.starts_with("EKG");
    let lead_two = header.signals.iter().position(|signal| signal.label == "ECG II");
    lead_two.or_else(|| header.signals.iter().position(|signal| ecg(&signal.label) && signal.samples > 0))
}

/// Beats per whole minute, and the gaps between them.
#[derive(Default)]
struct Tally {
    beats: u64,
    first_s: f64,
    last_s: f64,
    longest_pause_s: f64,
    minutes: Vec<u32>,
}

impl Tally {
    fn beat(&mut self, at_s: f64) {
        if self.beats == 0 {
            self.first_s = at_s;
        } else {
            self.longest_pause_s = self.longest_pause_s.max(at_s - self.last_s);
        }
        self.beats += 1;
        self.last_s = at_s;
        let minute = (at_s / 60.0) as usize;
        if self.minutes.len() <= minute {
            self.minutes.resize(minute + 1, 0);
        }
        self.minutes[minute] += 1;
    }

    fn summary(mut self, duration_s: f64, channel: &str) -> Summary {
        let between_s = self.last_s - self.first_s;
        let mean_bpm = if between_s > 0.0 { 60.0 * (self.beats - 1) as f64 / between_s } else { 0.0 };
        // The last minute is rarely whole.
        self.minutes.truncate((duration_s / 60.0) as usize);
        let (min, max) = (self.minutes.iter().min(), self.minutes.iter().max());
        Summary {
            duration_s,
            beats: self.beats,
            mean_bpm,
            min_bpm: min.map_or(mean_bpm, |&beats| beats.into()),
            max_bpm: max.map_or(mean_bpm, |&beats| beats.into()),
            longest_pause_s: self.longest_pause_s,
            channel: channel.into(),
        }
    }
}

/// No second beat within this time after one, in seconds: the heart muscle cannot.
const REFRACTORY_S: f64 = 0.25;
/// Width of the average, in seconds: about one QRS complex.
const AVERAGE_S: f64 = 0.10;
/// How long the first threshold is learnt, in seconds.
const LEARN_S: f64 = 2.0;

struct Detector {
    rate_hz: f64,
    seen: u64,
    /// The last three samples, for a slope that ignores single-sample noise.
    last: [f64; 3],
    squares: VecDeque<f64>,
    sum: f64,
    /// Typical height of a beat's average; the threshold is a share of it.
    level: f64,
    /// Height and time of the peak being climbed.
    peak: Option<(f64, f64)>,
    last_beat_s: f64,
}

impl Detector {
    fn new(rate_hz: f64) -> Self {
        let squares = VecDeque::from(vec![0.0; (AVERAGE_S * rate_hz).ceil() as usize]);
        Self { rate_hz, seen: 0, last: [0.0; 3], squares, sum: 0.0, level: 0.0, peak: None, last_beat_s: -1.0 }
    }

    fn seconds(&self) -> f64 {
        self.seen as f64 / self.rate_hz
    }

    /// Takes one sample; answers with the time of a beat that has just ended.
    fn sample(&mut self, value: f64) -> Option<f64> {
        if self.seen == 0 {
            self.last = [value; 3];
        }
        let [a, b, c] = self.last;
        let slope = value + c - b - a;
        self.last = [b, c, value];
        self.seen += 1;
        self.squares.push_back(slope * slope);
        // The queue keeps its length; the sum is kept by difference and mended once a second against rounding.
        self.sum += slope * slope - self.squares.pop_front().unwrap_or_default();
        if self.seen.is_multiple_of(self.rate_hz as u64) {
            self.sum = self.squares.iter().sum();
        }
        let now_s = self.seconds();
        if now_s < LEARN_S {
            self.level = self.level.max(self.sum);
        }
        self.step(now_s)
    }

    fn step(&mut self, now_s: f64) -> Option<f64> {
        let threshold = 0.35 * self.level;
        match self.peak {
            None if self.sum > threshold && now_s - self.last_beat_s > REFRACTORY_S => {
                self.peak = Some((self.sum, now_s));
                None
            }
            None => {
                // Nothing for 1.5 s: the signal has become smaller, so look lower, slowly.
                if now_s - self.last_beat_s > 1.5 {
                    self.level *= 1.0 - 0.5 / self.rate_hz;
                }
                None
            }
            Some((height, _)) if self.sum > height => {
                self.peak = Some((self.sum, now_s));
                None
            }
            Some((height, at_s)) if self.sum < height / 2.0 => {
                self.peak = None;
                // One huge artefact must not make the detector deaf to what follows.
                self.level = 0.875 * self.level + 0.125 * height.min(4.0 * self.level);
                self.last_beat_s = at_s;
                Some(at_s - AVERAGE_S / 2.0)
            }
            Some(_) => None,
        }
    }
}
