//! The whole job on the shipped samples, without plots.

use std::path::{Path, PathBuf};

use criterion::{Criterion, criterion_group, criterion_main};
use pinhole::capture::Captures;
use pinhole::locate::{Options, Wanted, locate};
use pinhole::site::read_site;

fn samples(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("locate");
    group.sample_size(20);
    for name in ["tunnel", "tunnel_quiet"] {
        let folder: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples").join(name);
        let site = read_site(&folder.join("site.toml")).expect("the shipped site");
        let options = Options { leaks: Wanted::AtMost(1), ..Options::default() };
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let captures = Captures::open(&[folder.join("capture.wav")]).expect("the shipped sample");
                locate(&site, captures, None, &options, &|_, _| ()).expect("an analysis")
            });
        });
    }
    group.finish();
}

criterion_group!(benches, samples);
criterion_main!(benches);
