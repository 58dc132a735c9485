//! The signal: a heartbeat is a sum of five Gaussians (P, Q, R, S, T), as in the model of McSharry et al., "A dynamical
//! model for generating synthetic electrocardiogram signals" (IEEE Trans. Biomed. Eng. 2003), laid out along a heart
//! rate that breathes, drifts with the time of day and is never quite regular.
//!
//! Deterministic: one seed, one signal (on one platform; `sin` and `exp` may differ in the last bit on another).

use std::collections::VecDeque;
use std::f64::consts::TAU;

/// Channels that are made.
pub const LEADS: [&str; 3] = ["ECG I", "ECG II", "ECG V5"];
/// Samples per second and channel.
pub const RATE_HZ: usize = 256;

/// How fast the heart beats, and how the signal is disturbed.
#[derive(Debug, Clone, Copy)]
pub struct Model {
    /// Mean heart rate over 24 hours, in beats per minute (30 to 180).
    pub mean_bpm: f64,
    /// How much faster at 3 p.m. and slower at 3 a.m., as a share of the mean (0 to 0.4).
    pub day_swing: f64,
    /// Standard deviation of the beat-to-beat interval without a cause, as a share of it (0 to 0.1).
    pub jitter: f64,
    /// Standard deviation of the amplifier's noise, in µV.
    pub noise_uv: f64,
    /// Amplitude of the baseline wander that breathing causes, in µV.
    pub wander_uv: f64,
}

impl Default for Model {
    fn default() -> Self {
        Self { mean_bpm: 68.0, day_swing: 0.16, jitter: 0.015, noise_uv: 12.0, wander_uv: 60.0 }
    }
}

/// One of the five waves of a beat.
struct Wave {
    /// Centre relative to the R peak, in seconds at 60 beats per minute.
    at_s: f64,
    /// Standard deviation, in seconds.
    width_s: f64,
    /// Amplitude on each of [`LEADS`], in µV.
    leads_uv: [f64; 3],
    /// Whether it moves with the heart rate (P and T do, the QRS complex does not).
    moves: bool,
}

const WAVES: [Wave; 5] = [
    Wave { at_s: -0.170, width_s: 0.022, leads_uv: [80.0, 140.0, 90.0], moves: true },
    Wave { at_s: -0.030, width_s: 0.008, leads_uv: [-50.0, -90.0, -110.0], moves: false },
    Wave { at_s: 0.000, width_s: 0.011, leads_uv: [650.0, 1150.0, 1400.0], moves: false },
    Wave { at_s: 0.028, width_s: 0.009, leads_uv: [-90.0, -210.0, -260.0], moves: false },
    Wave { at_s: 0.290, width_s: 0.048, leads_uv: [180.0, 310.0, 350.0], moves: true },
];

/// Samples that are being added up: four seconds from the one handed out next, a power of two for the index.
const WINDOW: usize = 4 * RATE_HZ;
/// No wave of a beat begins earlier than this before its R peak, in seconds.
const BEFORE_S: f64 = 0.5;
/// Breaths and blood-pressure (Mayer) waves per second; both modulate the heart rate.
const BREATH_HZ: f64 = 0.25;
const MAYER_HZ: f64 = 0.1;

/// The signal, second by second.
pub struct Ecg {
    model: Model,
    random: Random,
    /// Seconds since midnight at the start.
    start_s: f64,
    window: Vec<[f64; 3]>,
    /// Index of the next sample to hand out.
    next: u64,
    /// Time of the next R peak that is not in the window yet, in seconds since the start.
    next_beat_s: f64,
    /// R peaks that are in the window already.
    ahead_s: VecDeque<f64>,
    beats: u64,
}

impl Ecg {
    /// A signal beginning `start_s` seconds after midnight.
    pub fn new(model: Model, seed: u64, start_s: u32) -> Self {
        let window = vec![[0.0; 3]; WINDOW];
        let start_s = f64::from(start_s);
        Self {
            model,
            random: Random(seed),
            start_s,
            window,
            next: 0,
            next_beat_s: 0.4,
            ahead_s: VecDeque::new(),
            beats: 0,
        }
    }

    /// R peaks in the seconds handed out so far.
    pub fn beats(&self) -> u64 {
        self.beats
    }

    /// The next second, in µV: for each sample the channels of [`LEADS`].
    pub fn second(&mut self, out: &mut [[f64; 3]; RATE_HZ]) {
        let rate = RATE_HZ as f64;
        let end_s = (self.next + RATE_HZ as u64) as f64 / rate;
        while self.next_beat_s - BEFORE_S < end_s {
            let interval = self.interval_s(self.next_beat_s);
            self.lay_down(self.next_beat_s, interval);
            self.ahead_s.push_back(self.next_beat_s);
            self.next_beat_s += interval;
        }
        while self.ahead_s.pop_front_if(|peak_s| *peak_s < end_s).is_some() {
            self.beats += 1;
        }
        for sample in out {
            let beat = std::mem::take(&mut self.window[self.next as usize % WINDOW]);
            let breath = self.model.wander_uv * (TAU * BREATH_HZ * self.next as f64 / rate).sin();
            // Breathing moves the electrodes of each lead differently.
            for ((value, beat), wander) in sample.iter_mut().zip(beat).zip([0.6, 1.0, 0.8]) {
                *value = beat + wander * breath + self.model.noise_uv * self.random.normal();
            }
            self.next += 1;
        }
    }

    /// From the R peak at `at_s` to the one after it, in seconds.
    fn interval_s(&mut self, at_s: f64) -> f64 {
        let day = (TAU * (self.start_s + at_s - 54_000.0) / 86_400.0).cos();
        let bpm = self.model.mean_bpm * (1.0 + self.model.day_swing * day);
        let breath = 0.03 * (TAU * BREATH_HZ * at_s).sin() + 0.02 * (TAU * MAYER_HZ * at_s).sin();
        let factor = 1.0 + breath + self.model.jitter * self.random.normal();
        (60.0 / bpm * factor).clamp(0.33, 2.2)
    }

    fn lay_down(&mut self, at_s: f64, interval_s: f64) {
        // Bazett: the QT time grows with the root of the interval.
        let stretch = interval_s.sqrt().clamp(0.6, 1.3);
        for wave in &WAVES {
            let centre_s = at_s + wave.at_s * if wave.moves { stretch } else { 1.0 };
            let rate = RATE_HZ as f64;
            let first = ((centre_s - 4.0 * wave.width_s) * rate).ceil().max(self.next as f64) as u64;
            let last = ((centre_s + 4.0 * wave.width_s) * rate).floor() as u64;
            for index in first..=last {
                let distance = (index as f64 / rate - centre_s) / wave.width_s;
                let height = (-0.5 * distance * distance).exp();
                let sample = &mut self.window[index as usize % WINDOW];
                for (sum, amplitude) in sample.iter_mut().zip(wave.leads_uv) {
                    *sum += amplitude * height;
                }
            }
        }
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014): small, fast, good enough for noise, and no secret ever depends on it.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Mean 0, standard deviation 1, by the sum of four uniform numbers of 16 bits (Irwin–Hall).
    fn normal(&mut self) -> f64 {
        let bits = self.next();
        let sum: u64 = (0..4).map(|part| (bits >> (16 * part)) & 0xffff).sum();
        // Four uniform numbers on [0, 65535]: mean 2 × 65535, variance 4 × 65536² / 12.
        (sum as f64 - 131_070.0) / (65_536.0 / 3.0_f64.sqrt())
    }
}
