//! What an analysis found: plain records, all that reports and plots are made from.

use ndarray::Array2;

use super::clocks::Clock;
use super::posterior::Spread;
use crate::site::{Mode, Point3, WallPoint};

/// Everything one analysis found.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The answer in one word.
    pub verdict: Verdict,
    /// Why it is not [`Verdict::Leak`], in sentences; empty where it is.
    pub reasons: Vec<String>,
    /// Leaks, strongest first; empty unless the verdict is [`Verdict::Leak`].
    pub leaks: Vec<Leak>,
    /// The best separate places whatever the verdict, strongest first.
    pub candidates: Vec<Candidate>,
    /// Where each leak may be, in the order of `leaks`; without any, where there may be one.
    pub spread: Vec<Spread>,
    /// Where to look first: patches of wall in the order of probability per area, up to 99 % or a hundred of them.
    pub search: Vec<Patch>,
    /// The analysed band, hertz.
    pub band_hz: [f64; 2],
    /// The path's kind and the speed of sound used.
    pub path: PathUsed,
    /// What was analysed.
    pub capture: CaptureSpan,
    /// Places off the walls at which machines sound that were explained away.
    pub machines: Vec<Point3>,
    /// One record a sensor of the site, in the site's order.
    pub sensors: Vec<SensorReport>,
    /// One record a pair of used sensors that share a clock.
    pub pairs: Vec<PairReport>,
    /// Transients, strongest first; empty unless they were asked for.
    pub events: Vec<Event>,
    /// How well measured delays and stated geometry agree; absent where no place was refined.
    pub fit: Option<Fit>,
    /// Robust z of the strongest place over the map; what the verdict rests on.
    pub map_z: f64,
    /// What chance says of that.
    pub chance: Chance,
    /// The weakest leak that would have been found; absent where one was, or where none would have been.
    pub detectable: Option<Detectable>,
    /// The strongest leak put back and located again, where that was asked for.
    pub proof: Option<Proof>,
    /// How the clocks of free recorders stand, where a leak tells.
    pub clocks: Vec<Clock>,
    /// Where place and clocks were solved for together: the place by the delays of each recorder alone, and its covariance
    /// along `u` and `v`, metres².
    pub alone: Option<(WallPoint, [[f64; 2]; 2])>,
    /// What a reader must know besides, in sentences.
    pub warnings: Vec<String>,
    /// What was decided and why, in sentences (`-v`).
    pub notes: Vec<String>,
    /// Seconds spent per stage, in pipeline order.
    pub timing_s: Vec<(&'static str, f64)>,
    /// Pictures of the evidence, for plots.
    pub evidence: Evidence,
}

/// The answer in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// A leak stands out and is located.
    Leak,
    /// Nothing stands out, and a leak would have.
    NoLeak,
    /// The evidence is too thin either way.
    Inconclusive,
}

/// What chance makes of a capture like this one without a leak.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Chance {
    /// Probability that chance alone makes some place of the wall stand out as the strongest did.
    pub probability: f64,
    /// What was allowed for the verdict `leak`.
    pub allowed: f64,
    /// The robust z that was needed for it.
    pub needed_z: f64,
    /// Captures without a leak that were drawn.
    pub draws: usize,
}

/// Credible regions whose coverage is told.
pub const REGIONS: [f64; 3] = [0.5, 0.9, 0.95];

/// The strongest leak put back into captures like this one and located again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Proof {
    /// Captures drawn.
    pub captures: usize,
    /// Share of them in which it would have been told.
    pub told: f64,
    /// Median distance of the place found from the place it was put to, metres.
    pub median_error_m: f64,
    /// 90th percentile of that, metres.
    pub p90_error_m: f64,
    /// The median that the found leak's ellipse promises, metres.
    pub expected_median_m: f64,
    /// Share of the captures in which each of the [`REGIONS`] of the place found holds the truth.
    pub coverage: [f64; 3],
}

/// The weakest leak that a capture would have shown with 90 % probability, anywhere on the wall.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Detectable {
    /// Signal-to-noise ratio in the band at the median sensor, decibels.
    pub snr_db: f64,
    /// Level at 1 m in the band before absorption, decibels re full scale (RMS).
    pub level_db: f64,
}

/// One located leak.
#[derive(Debug, Clone)]
pub struct Leak {
    /// Where.
    pub point: WallPoint,
    /// Covariance in the tangent plane, first axis along `u`, second along `v`, square metres.
    pub covariance_uv_m2: [[f64; 2]; 2],
    /// The 95 % ellipse of that covariance.
    pub ellipse_95: Ellipse,
    /// Share of the covariance (trace) that each source brings: noise, sensor positions, speed of sound.
    pub shares: [(&'static str, f64); 3],
    /// Probability that chance alone would look like this, not told below 1e-12; absent for a transient's first arrivals.
    pub false_alarm_probability: Option<f64>,
    /// Power of the leak over everything else in the band, median channel, decibels.
    pub snr_db: f64,
    /// Level of the leak at 1 m in the band before absorption, decibels re full scale (RMS).
    pub level_db: f64,
    /// Leaks nearer to it than this are one to this array in this band, metres; absent where nothing parts them.
    pub resolution_m: Option<f64>,
}

/// An ellipse in the tangent plane of the wall.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ellipse {
    /// Larger half axis, metres.
    pub semi_major_m: f64,
    /// Smaller half axis, metres.
    pub semi_minor_m: f64,
    /// Direction of the larger axis, degrees from `u` towards `v`, in (-90, 90].
    pub angle_deg: f64,
}

/// A place that the map favours.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// Where.
    pub point: WallPoint,
    /// Steered response relative to the best candidate.
    pub score: f64,
    /// Probability among the candidates that this is the strongest source's place, given that one of them is.
    pub weight: f64,
    /// Rank of the leak with which it goes when that is explained away: the leak itself, its echo or its side lobe.
    pub explained_by: Option<usize>,
}

/// A patch of wall to be looked at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Patch {
    /// Its middle.
    pub point: WallPoint,
    /// Its sides, metres.
    pub size_m: [f64; 2],
    /// Direction of the first side, degrees from `u` towards `v`.
    pub angle_deg: f64,
    /// Probability that a leak is in it, given that there is one on the walls; of several, that of each counts its share.
    pub probability: f64,
    /// Probability of this patch and all before it.
    pub cumulative: f64,
}

/// How sound travelled in this analysis.
#[derive(Debug, Clone, PartialEq)]
pub struct PathUsed {
    /// The site's word for the path.
    pub kind: &'static str,
    /// Speed of envelopes in the middle of the band, metres per second; in air that of sound.
    pub speed_m_s: f64,
    /// One standard deviation of it by the site's word, metres per second.
    pub speed_sigma_m_s: f64,
    /// Speed of crests there, metres per second.
    pub phase_speed_m_s: f64,
    /// The guided wave, where the path is a plate's.
    pub mode: Option<Mode>,
    /// The other guided wave and how many nats of log likelihood worse it explains the data, where the site left it open.
    pub other_mode: Option<(Mode, f64)>,
    /// Thickness or speed as the sound tells it, where the data know it better than the site.
    pub behaves: Option<Behaviour>,
}

/// What the site says of thickness or speed, and what the sound says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Behaviour {
    /// Whether it is the thickness, in metres, rather than the speed of envelopes, in metres per second.
    pub of_thickness: bool,
    /// By the site's word, and one standard deviation.
    pub stated: [f64; 2],
    /// By the sound, and one standard deviation.
    pub heard: [f64; 2],
}

/// An estimate of thickness or wavenumber scale against the medium's own.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stretch {
    /// Thickness (of a Lamb wave), or every wavenumber, is larger by this share.
    pub by: f64,
    /// One standard deviation of that.
    pub sigma: f64,
}

/// What was analysed.
#[derive(Debug, Clone, PartialEq)]
pub struct CaptureSpan {
    /// The capture files as given, one a recorder.
    pub files: Vec<String>,
    /// Those of the background over which everything told is new; empty without one.
    pub background_files: Vec<String>,
    /// Samples per second.
    pub sample_rate_hz: u32,
    /// Channels over all files.
    pub channels: usize,
    /// Start of the analysed stretch, seconds into the capture.
    pub from_s: f64,
    /// Its length, seconds.
    pub duration_s: f64,
    /// Length of one transform, samples.
    pub segment_samples: usize,
    /// Equivalent number of independent averages.
    pub averages: f64,
}

/// What became of one sensor.
#[derive(Debug, Clone)]
pub struct SensorReport {
    /// Name in the site file.
    pub id: String,
    /// Channel, counted from 1.
    pub channel: usize,
    /// Whether it took part.
    pub used: bool,
    /// What is wrong with it: dead, clipped, noisy, misplaced, …
    pub faults: Vec<&'static str>,
    /// In-band level, decibels re full scale (RMS).
    pub level_db: f64,
    /// Power of the leak over everything else in the band at this sensor, decibels.
    pub snr_db: Option<f64>,
    /// Range that the sound says less the range that the geometry says, metres, and in units of its own sigma.
    pub range_residual: Option<(f64, f64)>,
}

/// One pair of sensors; delays are arrival at `a` minus arrival at `b`.
#[derive(Debug, Clone)]
pub struct PairReport {
    /// Index of the first sensor in the site.
    pub a: usize,
    /// Index of the second.
    pub b: usize,
    /// Measured delay, seconds.
    pub tdoa_s: Option<f64>,
    /// Its standard deviation from noise alone, seconds.
    pub sigma_s: Option<f64>,
    /// Measured less what the reported place implies, seconds.
    pub residual_s: Option<f64>,
    /// Magnitude of the coherence over the used bins, corrected for the number of averages.
    pub coherence: f64,
    /// Whether its delay took part.
    pub used: bool,
}

/// One transient, located by two roads.
#[derive(Debug, Clone)]
pub struct Event {
    /// When the first sensor heard it, seconds into the capture, to one step of the search.
    pub time_s: f64,
    /// Its mean square at the loudest sensor, decibels re full scale.
    pub level_db: f64,
    /// Which road its leak was taken from; absent where neither gives a place.
    pub road: Option<Road>,
    /// The best place by steering.
    pub steered: Option<WallPoint>,
    /// The best place by first arrivals.
    pub first_arrivals: Option<WallPoint>,
    /// Distance between the two, metres.
    pub apart_m: Option<f64>,
    /// Chi-square per degree of freedom of the first arrivals about their place.
    pub chi2_per_dof: Option<f64>,
    /// First arrivals.
    pub picks: Vec<Pick>,
}

/// A way to a transient's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Road {
    /// The steered response over the whole wave.
    Steered,
    /// Arrival times of its beginning.
    FirstArrivals,
}

/// The beginning of a transient at one sensor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pick {
    /// Index of the sensor in the site.
    pub sensor: usize,
    /// When, seconds into the capture.
    pub time_s: f64,
    /// One standard deviation of that, seconds.
    pub sigma_s: f64,
    /// Measured less what the place by first arrivals implies, seconds.
    pub residual_s: f64,
}

/// Agreement of measured ranges with the stated geometry.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fit {
    /// Chi-square of the range residuals per degree of freedom.
    pub chi2_per_dof: f64,
    /// Degrees of freedom.
    pub dof: usize,
    /// Index in the site of the sensor that fits worst.
    pub worst_sensor: usize,
    /// Where ranges disagree but those of a source in front of the wall would not.
    pub in_front: Option<InFront>,
}

/// A source off the wall that fits better than any on it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct InFront {
    /// So far on the side of the sensors, metres, behind the wall where it is negative, and one standard deviation of it.
    pub distance_m: (f64, f64),
    /// Chi-square per degree of freedom that is left.
    pub chi2_per_dof: f64,
}

/// Pictures of the evidence.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// Steered response, one map a wall on which a leak can be heard, in the site's order.
    pub maps: Vec<WallMap>,
    /// Level of the strongest place of the maps: coherent power at the median sensor in the band, decibels re full scale.
    pub map_level_db: f64,
    /// Correlation over delay, one a record of `Outcome::pairs`, in that order.
    pub correlations: Vec<PairCorrelation>,
    /// Frequencies of the columns of `levels`, hertz, the whole range of the capture.
    pub frequency_hz: Vec<f64>,
    /// One-sided power spectral density, full scale² per hertz; `[used sensor, bin]`.
    pub levels: Array2<f64>,
    /// Index in the site of each row of `levels`.
    pub level_sensors: Vec<usize>,
    /// Frequencies of the band's bins, hertz.
    pub band_frequency_hz: Vec<f64>,
    /// Squared coherence, mean over pairs, bias-corrected, per bin of the band.
    pub coherence2: Vec<f64>,
    /// Whether a bin of the band was used.
    pub bin_used: Vec<bool>,
    /// Why a bin was dropped, in words, with the bins' number and example frequencies.
    pub dropped: Vec<String>,
    /// Power over time and frequency, mean over used channels.
    pub spectrogram: Spectrogram,
}

/// Steered response over one wall.
#[derive(Debug, Clone)]
pub struct WallMap {
    /// Index of the wall in the site.
    pub wall: usize,
    /// Response in decibels re the strongest cell of all walls; `[v, a]`, cells of equal size in the chart, `v` and
    /// `a` growing with the index and spanning the whole chart of the wall; one row of all triangles of a mesh.
    pub response_db: Array2<f32>,
}

/// Correlation of one pair over delay.
#[derive(Debug, Clone)]
pub struct PairCorrelation {
    /// Delay of the first value, seconds.
    pub first_s: f64,
    /// Spacing, seconds.
    pub step_s: f64,
    /// Correlation, 1 where both channels carry the same sound and nothing else.
    pub value: Vec<f32>,
    /// Its envelope.
    pub envelope: Vec<f32>,
    /// Delay implied by the reported place (or the best candidate), seconds.
    pub implied_s: f64,
}

/// Power over time and frequency.
#[derive(Debug, Clone, Default)]
pub struct Spectrogram {
    /// Span in time, seconds.
    pub time_s: [f64; 2],
    /// Span in frequency, hertz.
    pub frequency_hz: [f64; 2],
    /// Power spectral density, full scale² per hertz; `[frequency, time]`.
    pub power: Array2<f32>,
}
