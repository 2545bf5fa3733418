//! Does this capture fit this site, and how is it to be cut: band, segments, channels.

use crate::capture::Captures;
use crate::channelise::{Band, Segmentation, Stft};
use crate::cross_spectra::{ChannelCorrection, Layout, Recorded, Span};
use crate::error::{Error, Result};
use crate::propagation::{Dispersion, Medium};
use crate::site::Site;
use crate::units::{amplitude_from_db, counted};

use super::Options;
use super::array::{Array, too_few};

/// Longest way between two sensors, in samples of sound, that a transform is made for: 235 m of air at 192 kHz, twice
/// the largest station. Positions in millimetres are the usual cause of more, and would fill the memory.
const MAX_SPREAD_SAMPLES: f64 = 131_072.0;

/// Time times bandwidth that an analysis needs: of 12 stretches of noise with 31, seven passed for a leak; with 94, none.
const MIN_TIME_BANDWIDTH: f64 = 200.0;

/// Everything that is settled before the first sample is read.
#[derive(Debug)]
pub struct Preparation<'a> {
    /// How sound may travel; more than one where the site leaves the wave open.
    pub media: Vec<Medium>,
    /// The sensors that are not disabled, in the first of the media; channels of the matrix are in this order.
    pub array: Array<'a>,
    /// The stretch to analyse.
    pub span: Span,
    /// The analysed band.
    pub band: Band,
    /// The planned transform.
    pub stft: Stft,
    /// The matrix to fill.
    pub layout: Layout,
    /// What the site says of each channel.
    pub corrections: Vec<ChannelCorrection>,
    /// What was decided and why.
    pub notes: Vec<String>,
}

/// Settles band, span, segments and channels, and selects the channels to read.
///
/// # Errors
/// [`Error::Request`] where capture and site do not fit, naming both sides.
pub fn prepare<'a>(site: &'a Site, captures: &mut Captures, options: &Options) -> Result<Preparation<'a>> {
    let sensors = in_use(site);
    captures.select(selection(site, captures, &sensors)?);
    let span = span(captures, options)?;
    settle(site, sensors, f64::from(captures.sample_rate_hz()), span, options, None)
}

/// As [`prepare`], for what was recorded as a matrix: how it is cut was settled then.
///
/// # Errors
/// As [`prepare`].
pub fn prepare_recorded<'a>(site: &'a Site, recorded: &Recorded, options: &Options) -> Result<Preparation<'a>> {
    if options.from_s.is_some() || options.to_s.is_some() || options.transient {
        return Err(Error::request("spectra hold no samples any more: --from, --to and --transient need the captures"));
    }
    let first_frame = recorded.pieces.iter().map(|piece| piece.first_frame).min().unwrap_or(0);
    let span = Span { first_frame, frames: recorded.frames() };
    let rate_hz = recorded.heard.spectra.layout().sample_rate_hz;
    settle(site, in_use(site), rate_hz, span, options, Some(recorded))
}

/// The sensors that are not disabled.
fn in_use(site: &Site) -> Vec<usize> {
    (0..site.sensors.len()).filter(|&i| !site.sensors[i].disabled).collect()
}

/// Row of the matrix for each of these sensors.
///
/// # Errors
/// [`Error::Request`] where a sensor was not recorded, rows stand in another order, or clocks were told otherwise.
pub fn rows(site: &Site, recorded: &Recorded, sensors: &[usize]) -> Result<Vec<usize>> {
    let row = |&i: &usize| {
        let sensor = &site.sensors[i];
        let wanted = (sensor.recorder, sensor.channel - 1);
        recorded.channels.iter().position(|c| (c.recorder, c.channel) == wanted).ok_or_else(|| {
            Error::request(format!(
                "the spectra hold no channel {} of recorder '{}', on which the site has sensor '{}'; disable it, or write \
                 them anew with this site",
                sensor.channel, site.recorders[sensor.recorder].id, sensor.id
            ))
        })
    };
    let rows: Vec<usize> = sensors.iter().map(row).collect::<Result<_>>()?;
    if !rows.is_sorted() {
        return Err(Error::request("the site has its sensors in another order than the spectra; keep the order"));
    }
    let (of_site, groups) = (site.clock_groups(), &recorded.heard.spectra.layout().groups);
    let alike = |(i, row): (usize, usize)| {
        sensors.iter().zip(&rows).all(|(&j, &other)| (of_site[i] == of_site[j]) == (groups[row] == groups[other]))
    };
    match sensors.iter().copied().zip(rows.iter().copied()).all(alike) {
        true => Ok(rows),
        false => {
            Err(Error::request("the site says otherwise which recorders share a clock; write the spectra anew with it"))
        }
    }
}

/// Settles all that does not depend on samples.
fn settle<'a>(
    site: &'a Site,
    sensors: Vec<usize>,
    rate_hz: f64,
    span: Span,
    options: &Options,
    recorded: Option<&Recorded>,
) -> Result<Preparation<'a>> {
    let of_site = site.clock_groups();
    let groups: Vec<usize> = sensors.iter().map(|&i| of_site[i]).collect();
    if !groups.iter().any(|g| groups.iter().filter(|other| *other == g).count() >= 3) {
        return Err(too_few(sensors.len()));
    }
    let media = Medium::possible(site);
    let band = match (options.band_hz, recorded.map(|r| r.band_hz)) {
        (Some((low_hz, high_hz)), Some(told_hz)) if [low_hz, high_hz] != told_hz => {
            return Err(Error::request(format!(
                "the spectra hold {:.3}..{:.3} kHz and nothing else; leave --band out, or write them anew with it",
                told_hz[0] / 1e3,
                told_hz[1] / 1e3
            )));
        }
        (_, Some([low_hz, high_hz])) => Band::new(low_hz, high_hz, rate_hz)?,
        (Some((low_hz, high_hz)), None) => Band::new(low_hz, high_hz, rate_hz)?,
        (None, None) => default_band(&media[0], rate_hz)?,
    };
    let band_hz = [band.low_hz(), band.high_hz()];
    check_known(&media[0], band_hz)?;
    let array = Array::new(site, media[0].clone(), band_hz, sensors)?;
    let spread_s = spread_s(&array, &media, rate_hz)?;
    let told = recorded.map(|r| r.heard.spectra.layout().segmentation);
    let segmentation = told.unwrap_or_else(|| Segmentation::suited_to(span.frames, spread_s * rate_hz));
    let stft = Stft::new(segmentation, rate_hz);
    let bins = band.bins(stft.spacing_hz());
    if bins.len() < 8 {
        return Err(Error::request(format!(
            "band {:.0}..{:.0} Hz holds {} bins of {:.1} Hz; widen the band or take a longer stretch",
            band.low_hz(),
            band.high_hz(),
            bins.len(),
            stft.spacing_hz()
        )));
    }
    let product = span.frames as f64 / rate_hz * (band.high_hz() - band.low_hz());
    if product < MIN_TIME_BANDWIDTH && !options.transient {
        return Err(Error::request(format!(
            "a stretch of {:.3} ms, a band of {:.1} kHz: too little to tell sound from chance; take {:.1} ms or more (--from, --to)",
            span.frames as f64 / rate_hz * 1e3,
            (band.high_hz() - band.low_hz()) / 1e3,
            MIN_TIME_BANDWIDTH / (band.high_hz() - band.low_hz()) * 1e3
        )));
    }
    let notes = vec![
        match options.band_hz {
            Some(_) => format!("band {:.1}..{:.1} kHz as asked", band.low_hz() / 1e3, band.high_hz() / 1e3),
            None => format!(
                "band {:.1}..{:.1} kHz: {} or the recorder rolls off",
                band.low_hz() / 1e3,
                band.high_hz() / 1e3,
                media[0].why_usual()
            ),
        },
        format!(
            "segments of {} samples: sound reaches the sensors up to {:.2} ms apart",
            segmentation.segment_samples,
            spread_s * 1e3
        ),
    ];
    let corrections = array
        .sensors
        .iter()
        .map(|&i| {
            let sensor = &site.sensors[i];
            ChannelCorrection { gain: sensor.polarity * amplitude_from_db(sensor.gain_db), delay_s: sensor.delay_s }
        })
        .collect();
    let layout = Layout::new(segmentation, rate_hz, bins, groups);
    Ok(Preparation { media, array, span, band, stft, layout, corrections, notes })
}

/// File and channel (from 0) of each sensor: one file a recorder, or mono files, one a channel, recorder after recorder.
///
/// # Errors
/// [`Error::Request`] where files and recorders differ in number, or a sensor's channel is not in its file.
pub fn selection(site: &Site, captures: &Captures, sensors: &[usize]) -> Result<Vec<(usize, usize)>> {
    let files = captures.files();
    let channels = site.channels();
    let mono = files.len() == channels.iter().sum::<usize>() && files.iter().all(|file| file.channels() == 1);
    if mono && files.len() > channels.len() {
        let first = |recorder: usize| channels[..recorder].iter().sum::<usize>();
        return Ok(sensors
            .iter()
            .map(|&i| (first(site.sensors[i].recorder) + site.sensors[i].channel - 1, 0))
            .collect());
    }
    if files.len() != site.recorders.len() {
        let ids: Vec<_> = site.recorders.iter().map(|r| r.id.as_str()).collect();
        return Err(Error::request(format!(
            "{} given, but the site has {}: {}; give one file a recorder, in that order, or a mono file for each of the {} channels",
            counted(files.len(), "capture file"),
            counted(site.recorders.len(), "recorder"),
            ids.join(", "),
            channels.iter().sum::<usize>()
        )));
    }
    for &i in sensors {
        let sensor = &site.sensors[i];
        let file = &files[sensor.recorder];
        if sensor.channel > file.channels() {
            return Err(Error::request(format!(
                "{}: {}, but the site has sensor '{}' on channel {}; fix the channel or give the right capture",
                file.path().display(),
                counted(file.channels(), "channel"),
                sensor.id,
                sensor.channel
            )));
        }
    }
    Ok(sensors.iter().map(|&i| (site.sensors[i].recorder, site.sensors[i].channel - 1)).collect())
}

/// The band to use where none is given.
fn default_band(medium: &Medium, rate_hz: f64) -> Result<Band> {
    let usual_hz = medium.usual_band_hz();
    match &medium.dispersion {
        // A curve says nothing below its first row: no room to give way to a slow recorder.
        Dispersion::Measured(_) => Band::new(usual_hz[0], usual_hz[1].min(0.45 * rate_hz), rate_hz),
        _ => Band::usual(usual_hz, rate_hz),
    }
}

/// Refuses a band for which the dispersion is not known.
fn check_known(medium: &Medium, [low_hz, high_hz]: [f64; 2]) -> Result<()> {
    let [first_hz, last_hz] = medium.known_hz();
    if low_hz >= first_hz && high_hz <= last_hz {
        return Ok(());
    }
    Err(Error::request(format!(
        "band {:.1}..{:.1} kHz, but the site's dispersion curve runs from {:.1} to {:.1} kHz; narrow --band or measure more",
        low_hz / 1e3,
        high_hz / 1e3,
        first_hz / 1e3,
        last_hz / 1e3
    )))
}

/// Time that sound takes between the two sensors of one clock that are farthest apart, in the slowest of the media, seconds.
fn spread_s(array: &Array<'_>, media: &[Medium], rate_hz: f64) -> Result<f64> {
    let slowest = media.iter().map(|medium| medium.slowest(array.band_hz)).reduce(|x, y| if y < x { y } else { x });
    let slowest = slowest.expect("at least one medium");
    let (range_m, (m, n)) = array.longest_way();
    let most_m = MAX_SPREAD_SAMPLES / rate_hz * slowest.0;
    if range_m > most_m {
        let id = |m: usize| &array.site.sensors[array.sensors[m]].id;
        return Err(Error::request(format!(
            "sensors '{}' and '{}' are {range_m:.1} m apart; at {rate_hz} Hz at most {most_m:.1} m are analysed; is every \
             position_m in metres?",
            id(m),
            id(n)
        )));
    }
    let delays = array.sensors.iter().map(|&i| array.site.sensors[i].delay_s);
    let (least_s, most_s) = delays.fold((f64::MAX, f64::MIN), |(low, high), x| (low.min(x), high.max(x)));
    // Delays are undone as phases, so a segment must hold them as it must hold the ways.
    let spread_s = slowest.time_s(range_m) + (most_s - least_s);
    if spread_s * rate_hz > MAX_SPREAD_SAMPLES {
        return Err(Error::request(format!(
            "delay_s of the sensors runs from {least_s} s to {most_s} s; at {rate_hz} Hz at most {:.3} s are analysed; cut the \
             captures to a common start",
            MAX_SPREAD_SAMPLES / rate_hz
        )));
    }
    Ok(spread_s)
}

fn span(captures: &Captures, options: &Options) -> Result<Span> {
    let rate_hz = f64::from(captures.sample_rate_hz());
    let length_s = captures.frames() as f64 / rate_hz;
    let from_s = options.from_s.unwrap_or(0.0);
    let to_s = options.to_s.unwrap_or(length_s);
    // A microsecond of grace for ends that were printed with six digits.
    if !(from_s >= 0.0 && from_s < to_s && to_s <= length_s + 1e-6) {
        return Err(Error::request(format!(
            "stretch {from_s} s..{to_s} s does not lie in the capture, which is {length_s:.6} s long; mend --from and --to"
        )));
    }
    let first_frame = (from_s * rate_hz).round() as u64;
    let frames = ((to_s * rate_hz).round() as u64).min(captures.frames()).saturating_sub(first_frame);
    if frames < 64 {
        let file = captures.paths().next().map(|path| format!("{}: ", path.display())).unwrap_or_default();
        return Err(Error::request(format!("{file}{frames} samples are too few to listen to; take a longer stretch")));
    }
    Ok(Span { first_frame, frames })
}
