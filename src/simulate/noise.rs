//! Random numbers of the simulation, and what makes them sound like a leak.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::scene::Spectrum;

/// Octaves from the jet's peak to 1/e of its power density: 6 dB down an octave and a half from the peak.
const JET_WIDTH_OCTAVES: f64 = 1.28;

/// What a random stream is for; each purpose and number has its own.
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    Positions = 1,
    Leak = 2,
    Tones = 3,
    Hiss = 4,
    Sensor = 5,
}

/// The stream of `purpose` number `index` in take `take` (0 the capture, 1 the background).
pub(super) fn stream(seed: u64, purpose: Purpose, take: u64, index: usize) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream((purpose as u64) << 48 | take << 40 | index as u64);
    rng
}

/// One draw of the standard normal distribution.
pub(super) fn normal(rng: &mut ChaCha8Rng) -> f64 {
    StandardNormal.sample(rng)
}

/// Power density of a source at `frequency_hz`, on a scale of its own; zero outside `band_hz`.
pub(super) fn density(spectrum: Spectrum, frequency_hz: f64, band_hz: [f64; 2]) -> f64 {
    if frequency_hz < band_hz[0] || frequency_hz > band_hz[1] {
        return 0.0;
    }
    match spectrum {
        Spectrum::White => 1.0,
        // A hump that is Gaussian in octaves: smooth, one peak, falls off both ways as jet noise does.
        Spectrum::Jet { peak_hz } => (-((frequency_hz / peak_hz).log2() / JET_WIDTH_OCTAVES).powi(2)).exp(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_differ_by_purpose_take_and_number() {
        let first = |purpose, take, index| normal(&mut stream(7, purpose, take, index)).to_bits();
        let draws = [
            first(Purpose::Leak, 0, 0),
            first(Purpose::Leak, 0, 1),
            first(Purpose::Leak, 1, 0),
            first(Purpose::Hiss, 0, 0),
        ];
        assert_eq!(first(Purpose::Leak, 0, 0), draws[0]);
        assert!((0..4).all(|i| (0..i).all(|j| draws[i] != draws[j])));
    }

    #[test]
    fn the_jet_peaks_where_it_is_told_and_is_6_db_down_an_octave_and_a_half_away() {
        let band = [1e3, 200e3];
        let at = |hz| density(Spectrum::Jet { peak_hz: 40e3 }, hz, band);
        assert_eq!(at(40e3), 1.0);
        let octaves_down = 10.0 * at(40e3 * 2f64.powf(1.5)).log10();
        assert!((octaves_down + 6.0).abs() < 0.1, "{octaves_down}");
        assert_eq!(at(0.9e3), 0.0);
    }
}
