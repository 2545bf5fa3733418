//! Properties that hold whatever was recorded: of the matrix, of adding two, of moving, permuting and correcting.

mod common;

use std::path::Path;

use common::{located_in, panel, recorded, timeless};
use nalgebra::{DMatrix, Rotation3, Vector3};
use pinhole::capture::Captures;
use pinhole::channelise::{Segmentation, Stft, Taper};
use pinhole::cross_spectra::{CrossSpectra, Kept, Layout, Means, Span, listen, wide};
use pinhole::locate::{Options, Outcome, Verdict};
use pinhole::report::result_json;
use pinhole::simulate::{self, Scene, simulate};
use pinhole::site::{Point3, Site, Wall};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use realfft::num_complex::Complex;
use tempfile::TempDir;

const RATE_HZ: f64 = 192_000.0;
const CUT: Segmentation = Segmentation { segment_samples: 256, hop_samples: 128, fft_samples: 256, taper: Taper::Hann };
/// Segments of five channels that are summed in single precision before the sum goes to double.
const BLOCK: f64 = 64.0;
/// Roundings of a complex product; in which order its four real ones are added depends on which channel comes first.
const PRODUCT: f64 = 2.0;
/// Half a step of single precision.
const EPSILON: f64 = f32::EPSILON as f64 / 2.0;

/// The matrix of a stretch: `segments` segments, the first at segment `first`.
fn heard(folder: &Path, selection: &[usize], first: u64, segments: u64) -> CrossSpectra {
    kept_as(folder, selection, first, segments, Kept::Halves)
}

fn kept_as(folder: &Path, selection: &[usize], first: u64, segments: u64, kept: Kept) -> CrossSpectra {
    let mut captures = Captures::open(&[folder.join("capture.wav")]).unwrap();
    captures.select(selection.iter().map(|&channel| (0, channel)).collect());
    let (hop, segment) = (CUT.hop_samples as u64, CUT.segment_samples as u64);
    let span = Span { first_frame: first * hop, frames: (segments - 1) * hop + segment };
    let layout = Layout::new(CUT, RATE_HZ, 20..110, vec![0; selection.len()]);
    listen(&mut captures, span, (&Stft::new(CUT, RATE_HZ), &layout), kept, &|_| ()).unwrap().spectra
}

/// The folder of a scene's captures after `change`, and of the scene's site.
fn changed(scene: &Scene, change: impl Fn(usize, &mut Vec<f32>)) -> TempDir {
    let mut captures = simulate(scene).unwrap();
    captures.recordings[0].iter_mut().enumerate().for_each(|(channel, samples)| change(channel, samples));
    let folder = tempfile::tempdir().unwrap();
    simulate::write(scene, &captures, folder.path()).unwrap();
    folder
}

/// A panel recorded in floats, so that scaling by powers of two is exact.
fn float_panel() -> Scene {
    panel(&[("int16", "float32")])
}

fn place(outcome: &Outcome) -> Point3 {
    assert_eq!(outcome.verdict, Verdict::Leak);
    outcome.leaks[0].point.position_m
}

/// One standard deviation of the place along its worse axis, noise only, metres.
fn noise_sigma_m(outcome: &Outcome) -> f64 {
    let leak = &outcome.leaks[0];
    let share = leak.shares.iter().find(|(source, _)| source.contains("noise")).expect("noise has a share").1;
    ((leak.covariance_uv_m2[0][0] + leak.covariance_uv_m2[1][1]) * share).sqrt()
}

/// How far two runs may part that differ in rounding alone, metres.
///
/// The refinement stops where a step no longer raises the log-likelihood. That is a sum of about 10⁴ nats known to 10⁴ ε
/// ≈ 2e-12, and it falls off as (x/σ)²/2: places within √(4e-12) ≈ 2e-6 σ are one to it. Ten times that is granted.
fn rounding_m(outcome: &Outcome) -> f64 {
    2e-5 * noise_sigma_m(outcome)
}

#[test]
fn the_matrix_is_hermitian_and_positive_in_every_bin() {
    let folder = recorded(&panel(&[]));
    // One segment gives a matrix of rank one: four of its five eigenvalues are zero and show every rounding.
    for (first, segments) in [(0, 1), (7, 3), (3, 40), (0, 149)] {
        // Each entry is off by so much in either part.
        let entry = |means: &Means| {
            2f64.sqrt() * (BLOCK + PRODUCT + 1.0) * EPSILON * means.auto.iter().fold(0.0, |x: f64, y| x.max(*y))
        };
        let straight = heard(folder.path(), &[0, 1, 2, 3, 4], first, segments).mean();
        let reversed = heard(folder.path(), &[4, 3, 2, 1, 0], first, segments);
        let pairs = &reversed.layout().pairs;
        let reversed_mean = reversed.mean();
        for k in 0..straight.auto.ncols() {
            let mut matrix =
                DMatrix::from_fn(5, 5, |m, n| Complex::new(if m == n { straight.auto[[m, k]] } else { 0.0 }, 0.0));
            for (row, &(m, n)) in pairs.iter().enumerate() {
                matrix[(m, n)] = wide(straight.cross[[row, k]]);
                // The same pair the other way round, measured, not conjugated by hand.
                let mirrored = pairs.iter().position(|&pair| pair == (4 - n, 4 - m)).unwrap();
                matrix[(n, m)] = wide(reversed_mean.cross[[mirrored, k]]);
            }
            let rounding = entry(&straight);
            let skew = (&matrix - matrix.adjoint()).iter().map(|x| x.norm()).fold(0.0, f64::max);
            assert!(skew <= 2.0 * rounding, "bin {k}: {skew:e} > {rounding:e}");
            // 5 entries a row bound the eigenvalues.
            let rounding = 5.0 * rounding;
            let least = (&matrix + matrix.adjoint()).map(|x| x * 0.5).symmetric_eigenvalues().min();
            assert!(least >= -rounding, "bin {k} of {segments} segments: {least:e} < -{rounding:e}");
        }
    }
}

/// Largest difference of two means, over what `√(G_mm G_nn)` allows.
fn apart(a: &Means, b: &Means, pairs: &[(usize, usize)]) -> f64 {
    assert_eq!(a.segments, b.segments);
    let auto = a.auto.iter().zip(&b.auto).map(|(x, y)| (x - y).abs() / x);
    let cross = a.cross.indexed_iter().map(|((row, k), x)| {
        let (m, n) = pairs[row];
        f64::from((x - b.cross[[row, k]]).norm()) / (a.auto[[m, k]] * a.auto[[n, k]]).sqrt()
    });
    auto.chain(cross).fold(0.0, f64::max)
}

#[test]
fn two_stretches_add_to_the_whole() {
    let folder = recorded(&panel(&[]));
    let all = [0, 1, 2, 3, 4];
    let whole = heard(folder.path(), &all, 0, 140);
    // A cut anywhere gives the same total, but other blocks: single precision within a block.
    for cut in [1, 64, 128, 133] {
        let mut merged = heard(folder.path(), &all, 0, cut);
        merged.merge(&heard(folder.path(), &all, cut, 140 - cut)).unwrap();
        let apart = apart(&whole.mean(), &merged.mean(), &whole.layout().pairs);
        assert!(apart <= 2.0 * 2f64.sqrt() * (BLOCK + 3.0) * EPSILON, "{cut}: {apart:e}");
    }
    let mut five = heard(folder.path(), &all, 0, 32);
    let error = five.merge(&heard(folder.path(), &all[..4], 0, 32)).unwrap_err();
    assert!(error.exit_code() == 2 && error.to_string().contains("do not add"), "{error}");
}

/// What a capture is located by and what its spectra hold are the same sums: blocks in single precision, which double adds without loss.
#[test]
fn kept_whole_or_in_halves_a_matrix_is_the_same() {
    let folder = recorded(&panel(&[]));
    for segments in [1, 63, 64, 65, 149] {
        let [whole, halves] =
            [Kept::Whole, Kept::Halves].map(|kept| kept_as(folder.path(), &[0, 1, 2, 3, 4], 0, segments, kept));
        assert_eq!((whole.parts().len(), halves.parts().len()), (1, 2));
        assert_eq!(whole.mean(), halves.mean());
        assert_eq!(whole.powers(), halves.powers());
        assert_eq!(whole.mean_products(), halves.clone().into_whole().mean_products());
        assert!(whole.clone().merge(&halves).unwrap_err().to_string().contains("halves"));
        let mut twice = whole.clone();
        twice.merge(&whole).unwrap();
        assert_eq!((twice.segments(), twice.mean().cross), (2 * segments, whole.mean().cross));
    }
}

/// What one half says of the other is worth nothing if one half is empty, however short the stretch.
#[test]
fn both_halves_of_any_stretch_hold_as_much() {
    let folder = recorded(&panel(&[]));
    for segments in (2..70).chain([100, 127, 128, 129, 140]) {
        let halves = heard(folder.path(), &[0, 1, 2, 3, 4], 0, segments).half_means().map(|half| half.segments);
        assert_eq!(halves[0] + halves[1], segments);
        assert!(3 * halves[0].min(halves[1]) >= segments, "{segments}: {halves:?}");
    }
}

#[test]
fn shifting_all_channels_moves_nothing() {
    let scene = float_panel();
    let plain = located_in(recorded(&scene).path(), &scene.site);
    // On the site's word: every sensor shows the sound 3 ms late. Differences of equal delays are exactly zero.
    let mut late = scene.site.clone();
    late.sensors.iter_mut().for_each(|s| s.delay_s = 3e-3);
    assert_eq!(place(&located_in(recorded(&scene).path(), &late)), place(&plain));
    // In the recording: something else comes first, and the analysis starts after it.
    let longer = changed(&scene, |channel, samples| {
        samples.splice(0..0, (0..1000).map(|t| ((t * (channel + 3)) as f32).sin()));
    });
    let options = Options { from_s: Some(1000.0 / RATE_HZ), ..Options::default() };
    let shifted = common::located(&scene.site, &longer.path().join("capture.wav"), &options).unwrap();
    assert_eq!(place(&shifted), place(&plain));
    // In the air: the same leak, heard 3 ms later under the same noise, is another draw of the same experiment.
    let mut scene = scene;
    scene.deviations.delay_s = vec![3e-3; 5];
    let delayed = located_in(recorded(&scene).path(), &scene.site);
    let off_m = (place(&delayed) - place(&plain)).norm();
    assert!(off_m < 4.0 * 2f64.sqrt() * noise_sigma_m(&plain), "{off_m}");
}

#[test]
fn permuting_the_channels_of_a_file_changes_no_byte() {
    let scene = float_panel();
    let plain = located_in(recorded(&scene).path(), &scene.site);
    let order = [3, 0, 4, 2, 1];
    let mut captures = simulate(&scene).unwrap();
    let old = captures.recordings[0].clone();
    let mut site = scene.site.clone();
    for (old_channel, &new) in order.iter().enumerate() {
        captures.recordings[0][new].clone_from(&old[old_channel]);
        site.sensors[old_channel].channel = new + 1;
    }
    let folder = tempfile::tempdir().unwrap();
    simulate::write(&scene, &captures, folder.path()).unwrap();
    let permuted = located_in(folder.path(), &site);
    assert_eq!(place(&permuted), place(&plain));
    assert_eq!(permuted.leaks[0].covariance_uv_m2, plain.leaks[0].covariance_uv_m2);
    assert_eq!(permuted.map_z, plain.map_z);
}

#[test]
fn permuting_the_sensors_of_a_site_permutes_and_nothing_else() {
    let scene = float_panel();
    let folder = recorded(&scene);
    let plain = located_in(folder.path(), &scene.site);
    let mut runner = TestRunner::new_with_rng(
        Config { cases: 8, failure_persistence: None, ..Config::default() },
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    let orders = Just((0..5usize).collect::<Vec<_>>()).prop_shuffle();
    runner
        .run(&orders, |order| {
            let mut site = scene.site.clone();
            site.sensors = order.iter().map(|&i| scene.site.sensors[i].clone()).collect();
            let permuted = located_in(folder.path(), &site);
            let off_m = (place(&permuted) - place(&plain)).norm();
            // Were every product off by all its roundings the same way, the place would be off by that much of a standard
            // deviation a product: 10 pairs, 0.1 s, 50 kHz.
            let products = 10.0 * 2.0 * 0.1 * 50e3;
            let shared = (BLOCK + PRODUCT) * EPSILON;
            let allowed_m = rounding_m(&plain) + shared * f64::sqrt(products) * noise_sigma_m(&plain);
            prop_assert!(off_m <= allowed_m, "{order:?}: {off_m:e} m");
            for (sensor, &i) in permuted.sensors.iter().zip(&order) {
                prop_assert_eq!(&sensor.id, &plain.sensors[i].id);
                prop_assert_eq!(sensor.level_db, plain.sensors[i].level_db);
            }
            for pair in &permuted.pairs {
                let (a, b) = (order[pair.a], order[pair.b]);
                let (wanted, sign) = plain
                    .pairs
                    .iter()
                    .find_map(|p| match (p.a, p.b) {
                        same if same == (a, b) => Some((p, 1.0)),
                        turned if turned == (b, a) => Some((p, -1.0)),
                        _ => None,
                    })
                    .expect("every pair is there");
                prop_assert!((pair.coherence - wanted.coherence).abs() <= 2.0 * shared);
                if let (Some(x), Some(y), Some(sigma_s)) = (pair.tdoa_s, wanted.tdoa_s, wanted.sigma_s) {
                    // Measured on a table in single precision: to a thousandth of what the measurement is worth.
                    prop_assert!((x - sign * y).abs() < 1e-3 * sigma_s, "{x} {y} {sigma_s}");
                }
            }
            Ok(())
        })
        .unwrap();
}

#[test]
fn the_sites_gains_and_polarities_undo_the_recordings() {
    let scene = float_panel();
    let plain = located_in(recorded(&scene).path(), &scene.site);
    let gains = [2.0f32, -0.5, 1.0, -4.0, 1.0];
    let spoilt = changed(&scene, |channel, samples| samples.iter_mut().for_each(|x| *x *= gains[channel]));
    let mut site = scene.site.clone();
    for (sensor, gain) in site.sensors.iter_mut().zip(gains) {
        sensor.gain_db = 20.0 * f64::from(gain.abs()).log10();
        sensor.polarity = f64::from(gain.signum());
    }
    let mended = located_in(spoilt.path(), &site);
    // Powers of two scale samples exactly; the decibels of the site bring rounding in the last place.
    let off_m = (place(&mended) - place(&plain)).norm();
    assert!(off_m <= rounding_m(&plain), "{off_m:e}");
    // Told nothing, the wrong polarities are at least noticed: the law above is no accident.
    let fooled = located_in(spoilt.path(), &scene.site);
    let noticed = fooled.sensors.iter().any(|sensor| !sensor.faults.is_empty());
    assert!(noticed || fooled.map_z < 0.8 * plain.map_z, "{} {}", fooled.map_z, plain.map_z);
}

#[test]
fn the_sites_delays_undo_the_recordings() {
    let scene = float_panel();
    let plain = located_in(recorded(&scene).path(), &scene.site);
    let late = [0usize, 40, 7, 25, 13];
    let spoilt = changed(&scene, |channel, samples| {
        let silence = samples.iter().copied().rev().take(late[channel]).collect::<Vec<_>>();
        samples.splice(0..0, silence);
        samples.truncate(samples.len() - late[channel]);
    });
    let mut site = scene.site.clone();
    site.sensors.iter_mut().zip(late).for_each(|(sensor, samples)| sensor.delay_s = samples as f64 / RATE_HZ);
    let mended = located_in(spoilt.path(), &site);
    // A segment of 2048 samples slides by up to 40: 2 % of its energy is other sound, which moves the place by
    // √(2 · 2 %) = 0.2 of its standard deviation; four times that is granted.
    let off_m = (place(&mended) - place(&plain)).norm();
    assert!(off_m < 0.8 * noise_sigma_m(&plain), "{off_m:e} {:e}", noise_sigma_m(&plain));
    let fooled = located_in(spoilt.path(), &scene.site);
    let astray_m = (fooled.candidates[0].point.position_m - place(&plain)).norm();
    assert!(astray_m > 20.0 * noise_sigma_m(&plain), "{astray_m}");
}

#[test]
fn a_rigid_motion_of_the_module_moves_the_answer_with_it() {
    let scene = float_panel();
    let folder = recorded(&scene);
    let plain = located_in(folder.path(), &scene.site);
    let turn = Rotation3::new(Vector3::new(0.4, -1.1, 0.7));
    let shift = Vector3::new(3.0, -2.0, 0.5);
    let mut site: Site = scene.site.clone();
    let origin = shift;
    site.walls = vec![Wall::plate("panel", origin, turn * Vector3::x(), turn * Vector3::y(), [1.0, 0.8])];
    site.sensors.iter_mut().for_each(|s| s.position_m = turn * s.position_m + shift);
    let moved = located_in(folder.path(), &site);
    let off_m = (place(&moved) - (turn * place(&plain) + shift)).norm();
    // Ranges differ by a few ε of metres; the rest is rounding as in any other run.
    assert!(off_m <= rounding_m(&plain) + 1e-14, "{off_m:e}");
    let [a, b] = [&moved, &plain].map(|o| o.leaks[0].covariance_uv_m2);
    for i in 0..2 {
        for j in 0..2 {
            assert!((a[i][j] - b[i][j]).abs() < 1e-4 * b[i][i].max(b[j][j]), "{a:?} {b:?}");
        }
    }
}

#[test]
fn one_thread_and_eight_give_the_same_bytes() {
    let scene = panel(&[("snr_db = 10", "snr_db = -6")]);
    let folder = recorded(&scene);
    let result = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let outcome = pool.install(|| located_in(folder.path(), &scene.site));
        timeless(serde_json::from_str(&result_json(&scene.site, &outcome)).unwrap())
    };
    assert_eq!(result(1), result(8));
    let recordings = |threads: usize| {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(|| simulate(&scene).unwrap())
    };
    assert!(recordings(1) == recordings(8));
}
