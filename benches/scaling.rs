//! How the cost grows: the pass over a capture with channels and threads, what comes after it with threads and with the wall.
//!
//! Wall points are those of a grid as fine as the search is, 1.5 mm: the search itself visits few of them.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use pinhole::archive::{read_spectra, write_spectra};
use pinhole::capture::Captures;
use pinhole::channelise::{Band, Segmentation, Stft};
use pinhole::cross_spectra::{Kept, Layout, Part, Span, listen};
use pinhole::locate::{Options, Wanted, locate, record};
use pinhole::simulate::{parse_scene, simulate, write};
use pinhole::site::Site;
use rayon::{ThreadPool, ThreadPoolBuilder};
use tempfile::TempDir;

/// Length of the captures, seconds.
const DURATION_S: f64 = 2.0;

/// Spacing of the grid that the search stands for, metres.
const GRID_M: f64 = 0.0015;

const BAND_HZ: [f64; 2] = [20e3, 60e3];

/// Sensors on a spiral before a square plate, and a leak near its middle.
fn scene(channels: usize, side_m: f64) -> String {
    let mut text = format!(
        "[path]\nkind = 'air'\ntemperature_c = 22.0\nspeed_sigma_pct = 0.1\n
         [[wall]]\nid = 'panel'\nshape = 'plate'\norigin_m = [{0}, {0}, 0]\nu_axis = [1, 0, 0]\nv_axis = [0, 1, 0]
         size_m = [{side_m}, {side_m}]\n
         [capture]\nsample_rate_hz = 192000\nduration_s = {DURATION_S}\nseed = 1\nformat = 'int16'\nnoise_db = -40\n
         [[leak]]\nwall = 'panel'\nu_m = {1}\nv_m = {1}\nsnr_db = -10\n",
        -side_m / 2.0,
        0.52 * side_m,
    );
    for i in 0..channels {
        let share = (i as f64 + 0.5) / channels as f64;
        let (radius_m, turn_rad) = (share.sqrt(), 2.4 * i as f64);
        text += &format!(
            "[[sensor]]\nid = 'M{0}'\nchannel = {0}\nposition_m = [{1}, {2}, {3}]\nposition_sigma_m = 0.001\n",
            i + 1,
            radius_m * turn_rad.cos(),
            radius_m * turn_rad.sin(),
            0.4 + 0.4 * share
        );
    }
    text
}

/// A capture, its site, and the folder that it is in as long as it is needed.
fn captured(channels: usize, side_m: f64) -> (TempDir, PathBuf, Site) {
    let folder = tempfile::tempdir().expect("a folder for the capture");
    let scene = parse_scene(&scene(channels, side_m), "scene").expect("a scene as the guide has it");
    write(&scene, &simulate(&scene).expect("a simulation"), folder.path()).expect("room for the capture");
    let capture = folder.path().join("capture.wav");
    (folder, capture, scene.site)
}

/// One thread, two, four, to as many as there are.
fn pools() -> Vec<(usize, ThreadPool)> {
    let most = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let counts = std::iter::successors(Some(1), |count| Some(count * 2)).take_while(|count| *count <= most);
    let pool = |count| ThreadPoolBuilder::new().num_threads(count).build().expect("threads can be had");
    counts.map(|count| (count, pool(count))).collect()
}

fn pass(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("pass");
    group.sample_size(10);
    for channels in [4, 16, 64] {
        let (_folder, capture, _) = captured(channels, 2.0);
        let paths = [capture];
        let captures = || Captures::open(&paths).expect("a readable capture");
        let (frames, rate_hz) = (captures().frames(), f64::from(captures().sample_rate_hz()));
        let cut = Segmentation::suited_to(frames, 1200.0);
        let stft = Stft::new(cut, rate_hz);
        let bins = Band::new(BAND_HZ[0], BAND_HZ[1], rate_hz).expect("a band").bins(stft.spacing_hz());
        let layout = Layout::new(cut, rate_hz, bins, vec![0; channels]);
        let span = Span { first_frame: 0, frames };
        group.throughput(Throughput::Elements(frames * channels as u64));
        for (threads, pool) in pools() {
            let id = BenchmarkId::new(format!("{channels} channels"), format!("{threads} threads"));
            group.bench_function(id, |bencher| {
                bencher.iter(|| {
                    pool.install(|| {
                        listen(&mut captures(), span, (&stft, &layout), Kept::Whole, &|_| ()).expect("a pass")
                    })
                });
            });
        }
    }
    group.finish();
}

fn place(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("place and verdict");
    group.sample_size(10);
    let options = Options { band_hz: Some((BAND_HZ[0], BAND_HZ[1])), leaks: Wanted::AtMost(1), ..Options::default() };
    for points in [1e4f64, 1e5, 1e6, 1e7] {
        let (folder, capture, site) = captured(8, GRID_M * points.sqrt());
        let captures = Captures::open(&[capture]).expect("a readable capture");
        let heard = record(&site, captures, vec![String::new()], &options, Part::WHOLE, &|_, _| ()).expect("a pass");
        let spectra = folder.path().join("capture.spectra");
        write_spectra(&spectra, &heard).expect("room for the spectra");
        let heard = || read_spectra(&spectra).expect("the spectra as they were written");
        for (threads, pool) in pools() {
            let id = BenchmarkId::new(format!("{points:.0e} wall points"), format!("{threads} threads"));
            group.bench_function(id, |bencher| {
                let located = |heard| locate(&site, heard, None, &options, &|_, _| ()).expect("an analysis");
                bencher.iter_batched(heard, |heard| pool.install(|| located(heard)), BatchSize::LargeInput);
            });
        }
    }
    group.finish();
}

criterion_group!(benches, pass, place);
criterion_main!(benches);
