//! What is in a capture, and what is wrong with it, without a place in mind.

mod lines;
mod waveform;

use ndarray::Array2;
use rayon::prelude::*;

pub use lines::{Suggestion, Tone};
pub use waveform::{Stretch, Waveform};

use crate::capture::{Captures, Health};
use crate::channelise::{Segmentation, Stft, Taper};
use crate::cross_spectra::{Kept, Layout, Means, Overview, Span, listen, wide};
use crate::error::Result;
use crate::units::power_db;

/// Frames read at once while samples are looked at.
const BLOCK: usize = 1 << 15;
/// Longest segment; shorter ones where many channels would fill the memory with pairs, or the capture is short.
const SEGMENTS: std::ops::RangeInclusive<usize> = 256..=8192;
/// What the pairs' spectra may take, bytes.
const PAIRS_BYTES: usize = 64 << 20;
/// A channel so far below the median of the others is dead, decibels.
const DEAD_DB: f64 = -40.0;
/// And so far above it, noisy.
const LOUD_DB: f64 = 15.0;
/// Correlation at no delay from which two channels are one signal.
const COPY: f64 = 0.999;
/// And from which one leaks into the other, where it stands so far over what either shares with a third at any delay: a
/// sound from half-way between two sensors is shared by others too.
const CROSSTALK: f64 = 0.15;
const OVER_OTHERS: f64 = 3.0;
/// Offsets from here on are told, of full scale.
const OFFSET: f64 = 0.01;

/// One channel of a capture.
#[derive(Debug, Clone)]
pub struct Channel {
    /// Index of its file.
    pub file: usize,
    /// Counted from 1 in its file.
    pub channel: usize,
    /// Largest magnitude re full scale, decibels.
    pub peak_db: f64,
    /// Root mean square re full scale, decibels.
    pub rms_db: f64,
    /// Mean, full scale 1.
    pub offset: f64,
    /// Median density inside the suggested band, or above 1 kHz where there is none, decibels re full scale² per hertz.
    pub floor_db: f64,
    /// Share of samples at the rail, where it clips.
    pub clipped_share: f64,
    /// Where it clips.
    pub clipped: Vec<Stretch>,
    /// Where it stands still though it sounds before and after.
    pub gaps: Vec<Stretch>,
    /// Bits at the low end that never change.
    pub idle_bits: u32,
    /// What is wrong: `dead`, `clipped`, `noisy`, `gaps`, `offset`, `idle-bits`.
    pub faults: Vec<&'static str>,
}

/// Two channels that are not independent, by their correlation at no delay.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Relation {
    /// Indices into the channels.
    pub channels: [usize; 2],
    /// Correlation at no delay over all frequencies above 1 kHz, -1 to 1.
    pub correlation: f64,
    /// `duplicate`, `inverted-duplicate` or `crosstalk`.
    pub kind: &'static str,
}

/// What is in a capture.
#[derive(Debug)]
pub struct Inspection {
    /// All channels, file after file.
    pub channels: Vec<Channel>,
    /// Channels that are not independent.
    pub relations: Vec<Relation>,
    /// Tones of machines, loudest first.
    pub tones: Vec<Tone>,
    /// Where to look for a leak.
    pub suggestion: Option<Suggestion>,
    /// Root mean square of the coherence of each pair inside that band, less what chance gives; not a number across clocks.
    pub coherence: Array2<f64>,
    /// Levels over frequency and time.
    pub overview: Overview,
    /// What was looked at, seconds.
    pub duration_s: f64,
    /// What was decided and why.
    pub notes: Vec<String>,
}

/// Looks at whole captures; `groups` gives the clock of each channel.
///
/// `progress` is told the share done, from 0 to 1.
///
/// # Errors
/// Those of reading.
pub fn inspect(captures: &mut Captures, groups: &[usize], progress: &(dyn Fn(f64) + Sync)) -> Result<Inspection> {
    let rate_hz = f64::from(captures.sample_rate_hz());
    let frames = captures.frames();
    let waveforms = waveforms(captures, &|share| progress(0.5 * share))?;
    let (segmentation, why) = segmentation(frames, groups.len());
    let stft = Stft::new(segmentation, rate_hz);
    let first = ((1e3 / stft.spacing_hz()) as usize).clamp(1, stft.bins() / 8 + 1);
    let layout = Layout::new(*stft.segmentation(), rate_hz, first..stft.bins() - 1, groups.to_vec());
    let span = Span { first_frame: 0, frames };
    let heard = listen(captures, span, (&stft, &layout), Kept::Whole, &|share| progress(0.5 + 0.5 * share))?;
    let averages = stft.segmentation().averages(stft.segmentation().segments_in(frames));
    let density = &heard.overview.density;
    let tones = lines::tones(density, stft.spacing_hz(), averages);
    let suggestion = lines::suggestion(density, stft.spacing_hz(), &tones);
    let band_hz = suggestion.as_ref().map_or([1e3, 0.45 * rate_hz], |s| s.band_hz);
    let notes = vec![
        format!("segments of {} samples, {averages:.0} averages: {why}", segmentation.segment_samples),
        format!(
            "floor and coherence from {:.1} to {:.1} kHz: {}",
            band_hz[0] / 1e3,
            band_hz[1] / 1e3,
            if suggestion.is_some() {
                "the band that is suggested"
            } else {
                "all that is heard, since no band is suggested"
            }
        ),
    ];
    let band = bins_within(band_hz, stft.spacing_hz(), stft.bins());
    let mean = heard.spectra.mean();
    let floors_db: Vec<f64> = density.rows().into_iter().map(|row| median_db(&row.to_vec()[band.clone()])).collect();
    let places: Vec<(usize, usize)> =
        (captures.files().iter().enumerate()).flat_map(|(f, file)| (0..file.channels()).map(move |c| (f, c))).collect();
    let median_floor_db = median(&floors_db);
    let channels = (places.iter().zip(waveforms).zip(&heard.health).zip(&floors_db))
        .map(|(((&(file, channel), waveform), health), floor_db)| {
            let of = &captures.files()[file];
            let relative_db = floor_db - median_floor_db;
            judged([file, channel], waveform, health, *floor_db, relative_db, (of.resolution(), of.valid_bits()))
        })
        .collect();
    Ok(Inspection {
        relations: relations(&mean, &layout, averages),
        coherence: coherence(&mean, &layout, &band, averages),
        channels,
        tones,
        suggestion,
        overview: heard.overview,
        duration_s: frames as f64 / rate_hz,
        notes,
    })
}

/// As long as leaves a good number of averages, and as memory allows for the pairs of so many channels; and what set that length.
fn segmentation(frames: u64, channels: usize) -> (Segmentation, &'static str) {
    let pairs = (channels * channels / 2).max(1);
    let held = |samples: usize| pairs * (samples / 2) * 32;
    let mut samples = *SEGMENTS.end();
    let mut why = "longer ones are not needed";
    while samples > *SEGMENTS.start() && (held(samples) > PAIRS_BYTES || 16 * samples as u64 > frames) {
        let many = held(samples) > PAIRS_BYTES;
        why = if many {
            "longer ones of so many pairs would fill the memory"
        } else {
            "longer ones leave too few of them"
        };
        samples /= 2;
    }
    let samples = samples.min(frames.max(2) as usize);
    let segmentation = Segmentation {
        segment_samples: samples,
        hop_samples: samples.div_ceil(2),
        fft_samples: samples.next_power_of_two(),
        taper: Taper::Hann,
    };
    (segmentation, why)
}

fn waveforms(captures: &mut Captures, progress: &dyn Fn(f64)) -> Result<Vec<Waveform>> {
    let count = captures.selected();
    let rate_hz = f64::from(captures.sample_rate_hz());
    let mut waveforms: Vec<Waveform> = (0..count).map(|c| Waveform::new(captures.resolution(c), rate_hz)).collect();
    let mut block = Array2::zeros((BLOCK, count));
    let mut frame = 0;
    while frame < captures.frames() {
        let left = (captures.frames() - frame).min(BLOCK as u64) as usize;
        if left < block.nrows() {
            block = Array2::zeros((left, count));
        }
        captures.read(frame, &mut block, 0)?;
        waveforms.par_iter_mut().enumerate().for_each(|(c, waveform)| waveform.add(block.column(c).iter().copied()));
        frame += left as u64;
        progress(frame as f64 / captures.frames() as f64);
    }
    Ok(waveforms)
}

fn bins_within([low_hz, high_hz]: [f64; 2], spacing_hz: f64, bins: usize) -> std::ops::Range<usize> {
    let first = ((low_hz / spacing_hz).ceil() as usize).min(bins - 1);
    first..((high_hz / spacing_hz) as usize + 1).clamp(first + 1, bins)
}

fn median(values: &[f64]) -> f64 {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|x| x.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NEG_INFINITY)
}

fn median_db(density: &[f64]) -> f64 {
    power_db(median(density))
}

fn judged(
    [file, channel]: [usize; 2],
    waveform: Waveform,
    health: &Health,
    floor_db: f64,
    relative_db: f64,
    (resolution, bits): (f32, u16),
) -> Channel {
    let is_dead = health.is_constant() || floor_db.is_nan() || relative_db <= DEAD_DB;
    let is_clipped = !is_dead && health.is_clipped(resolution);
    let mut told = Channel {
        file,
        channel: channel + 1,
        peak_db: 2.0 * power_db(waveform.peak()),
        rms_db: 2.0 * power_db(waveform.rms()),
        offset: waveform.offset(),
        floor_db,
        clipped_share: if is_clipped { waveform.share_at_rail() } else { 0.0 },
        clipped: if is_clipped { waveform.rails().to_vec() } else { Vec::new() },
        idle_bits: if is_dead { 0 } else { waveform.idle_bits(bits) },
        gaps: waveform.gaps(),
        faults: Vec::new(),
    };
    let faults = [
        (is_dead, "dead"),
        (is_clipped, "clipped"),
        (relative_db >= LOUD_DB, "noisy"),
        (!told.gaps.is_empty(), "gaps"),
        (told.offset.abs() >= OFFSET, "offset"),
        // A quiet tail of one or two bits is common; half a byte is a converter at work below its word.
        (told.idle_bits >= 4, "idle-bits"),
    ];
    told.faults = faults.into_iter().filter_map(|(is, name)| is.then_some(name)).collect();
    told
}

/// Channels that share more at no delay than sound through air can.
fn relations(mean: &Means, layout: &Layout, averages: f64) -> Vec<Relation> {
    let shared = coherence(mean, layout, &(layout.first_bin..layout.first_bin + layout.bins), averages);
    let others = |m: usize, n: usize| {
        let third = |c: &usize| *c != m && *c != n;
        let shares = (0..layout.groups.len()).filter(third).flat_map(|c| [shared[[m, c]], shared[[n, c]]]);
        shares.filter(|share| share.is_finite()).fold(0.0, f64::max)
    };
    let kind = |correlation: f64, m: usize, n: usize| match correlation {
        c if c > COPY => Some("duplicate"),
        c if c < -COPY => Some("inverted-duplicate"),
        c if c.abs() > CROSSTALK && c.abs() > OVER_OTHERS * others(m, n) => Some("crosstalk"),
        _ => None,
    };
    let of = |(row, &(m, n)): (usize, &(usize, usize))| {
        // Scaled bin by bin, or a loud rumble that every channel hears would decide alone.
        let share = |k: usize| {
            let power = mean.auto[[m, k]] * mean.auto[[n, k]];
            if power > 0.0 { f64::from(mean.cross[[row, k]].re) / power.sqrt() } else { 0.0 }
        };
        let correlation = (0..layout.bins).map(share).sum::<f64>() / layout.bins as f64;
        kind(correlation, m, n).map(|kind| Relation { channels: [m, n], correlation, kind })
    };
    layout.pairs.iter().enumerate().filter_map(of).collect()
}

fn coherence(mean: &Means, layout: &Layout, band: &std::ops::Range<usize>, averages: f64) -> Array2<f64> {
    let count = layout.groups.len();
    let mut matrix = Array2::from_elem((count, count), f64::NAN);
    let inside: Vec<usize> =
        band.clone().filter_map(|k| k.checked_sub(layout.first_bin)).filter(|k| *k < layout.bins).collect();
    for (row, &(m, n)) in layout.pairs.iter().enumerate() {
        let squared = |k: &usize| {
            let power = mean.auto[[m, *k]] * mean.auto[[n, *k]];
            if power > 0.0 { wide(mean.cross[[row, *k]]).norm_sqr() / power } else { 0.0 }
        };
        let raw = inside.iter().map(squared).sum::<f64>() / inside.len().max(1) as f64;
        let value = ((raw - 1.0 / averages) / (1.0 - 1.0 / averages).max(1e-9)).max(0.0).sqrt();
        matrix[[m, n]] = value;
        matrix[[n, m]] = value;
    }
    matrix
}
