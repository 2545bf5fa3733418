//! How fast this machine is, for people and for programs.

use serde_json::{Value, json};

use crate::simd::lanes;
use crate::speed::{CoreRow, FloorRow, Job, JobRow, Limit, Roof, Spread};

/// All that was measured.
#[derive(Debug, Default)]
pub struct Speed {
    /// The FFT core over lengths; empty where it was not asked for.
    pub core: Vec<CoreRow>,
    /// The stages.
    pub job: Option<Job>,
    /// The capture was made up for this.
    pub synthetic: bool,
    /// The limits of the machine, and each stage beside what they allow.
    pub roof: Option<(Roof, Vec<FloorRow>)>,
}

/// Name, limit and unit of each limit of a roof.
fn limits(roof: &Roof) -> [(&'static str, Limit, &'static str); 6] {
    [
        ("read from the first-level cache", roof.first_level, "GB/s"),
        ("read from the second-level cache", roof.second_level, "GB/s"),
        ("changed in place in the second level", roof.in_place, "GB/s"),
        ("read from memory", roof.memory, "GB/s"),
        ("copied from the page cache", roof.page_cache, "GB/s"),
        ("fused operations, single precision", roof.fused, "GFLOP/s"),
    ]
}

/// Stages of the pass: of the verdict after it the floor is one map, so nothing is measured by that.
pub(super) fn of_pass(floor: &[FloorRow]) -> &[FloorRow] {
    &floor[..floor.len().min(3)]
}

/// Seconds of these stages: the floor, and as measured.
pub(super) fn totals(floor: &[FloorRow]) -> [f64; 2] {
    [floor.iter().map(|row| row.floor_s).sum(), floor.iter().map(|row| row.measured.median_s).sum()]
}

/// The tables.
pub fn speed_text(speed: &Speed) -> String {
    let mut parts = Vec::new();
    if !speed.core.is_empty() {
        parts.push(core_text(&speed.core));
    }
    if let Some(job) = &speed.job {
        parts.push(job_text(job, speed.synthetic));
    }
    if let Some((roof, floor)) = &speed.roof {
        parts.push(roof_text(roof, floor));
    }
    parts.join("\n")
}

fn core_text(core: &[CoreRow]) -> String {
    let mut text = format!(
        "FFT core, one thread, registers of {} lanes: µs a channel, median\n  length   16 channels at once   realfft   rustfft, complex   two in one   of realfft\n",
        lanes()
    );
    for row in core {
        let us = |spread: &Spread| spread.median_s * 1e6;
        text += &format!(
            "  {:>6} {:>21.2} {:>9.2} {:>18.2} {:>12.2} {:>10.0} %\n",
            row.length,
            us(&row.across_channels),
            us(&row.realfft),
            us(&row.complex),
            us(&row.two_in_one),
            100.0 * row.across_channels.median_s / row.realfft.median_s
        );
    }
    text + "  (at once: window and telling channels apart included; realfft and complex bare)\n"
}

fn job_text(job: &Job, synthetic: bool) -> String {
    let what = if synthetic { "a synthetic capture".into() } else { job.files[0].display().to_string() };
    let mut text = format!(
        "Stages on {what}: {} channels, {:.2} s at {} Hz, {} threads\n                                           ms   least    most   Msamples/s\n",
        job.channels,
        job.duration_s,
        job.sample_rate_hz,
        rayon::current_num_threads()
    );
    for row in &job.stages {
        let ms = |seconds: f64| seconds * 1e3;
        let rate = row.samples.map(|samples| format!("{:>13.0}", samples / row.time.median_s / 1e6));
        text += &format!(
            "  {:<36} {:>8.2} {:>7.2} {:>7.2}{}\n",
            row.name,
            ms(row.time.median_s),
            ms(row.time.least_s),
            ms(row.time.most_s),
            rate.unwrap_or_default()
        );
    }
    text
}

fn roof_text(roof: &Roof, floor: &[FloorRow]) -> String {
    let mut text = format!("Limits of this machine, best of the rounds        one thread   all {}\n", roof.threads);
    for (name, limit, unit) in limits(roof) {
        text += &format!("  {name:<44} {:>12.1} {:>7.1} {unit}\n", limit.one / 1e9, limit.all / 1e9);
    }
    text += "\nStages on one thread                      GB   from           GFLOP   least ms   took ms   times\n";
    for (i, row) in floor.iter().enumerate() {
        let times = row.measured.median_s / row.floor_s;
        let times = if i < of_pass(floor).len() { format!("{times:.1}") } else { "–".into() };
        text += &format!(
            "  {:<34} {:>7.3}   {:<12} {:>7.2} {:>10.1} {:>9.1} {times:>7}\n",
            row.name,
            row.bytes / 1e9,
            row.level,
            row.operations / 1e9,
            1e3 * row.floor_s,
            1e3 * row.measured.median_s
        );
    }
    let [least_s, took_s] = totals(of_pass(floor));
    text + &format!(
        "  {:<34} {:>7}   {:<12} {:>7} {:>10.1} {:>9.1} {:>7.1}\n  (of the verdict the least is one map alone)\n",
        "the pass, all but the last",
        "",
        "",
        "",
        1e3 * least_s,
        1e3 * took_s,
        took_s / least_s
    )
}

/// The same for programs, seconds throughout.
pub fn speed_json(speed: &Speed) -> String {
    let spread = |s: &Spread| json!({"median_s": s.median_s, "least_s": s.least_s, "most_s": s.most_s});
    let core = |row: &CoreRow| {
        json!({
            "length": row.length,
            "across_channels": spread(&row.across_channels),
            "realfft": spread(&row.realfft),
            "rustfft_complex": spread(&row.complex),
            "two_in_one": spread(&row.two_in_one),
        })
    };
    let stage = |row: &JobRow| {
        let per_s = row.samples.map(|samples| samples / row.time.median_s);
        json!({"name": row.name, "time": spread(&row.time), "samples_per_s": per_s})
    };
    let job = |job: &Job| {
        json!({
            "files": job.files.iter().map(|path| path.display().to_string()).collect::<Vec<_>>(),
            "channels": job.channels,
            "duration_s": job.duration_s,
            "sample_rate_hz": job.sample_rate_hz,
            "stages": job.stages.iter().map(stage).collect::<Vec<_>>(),
        })
    };
    let limit = |limit: Limit| json!({"one_thread": limit.one, "all_threads": limit.all});
    let floor = |row: &FloorRow| {
        json!({
            "name": row.name,
            "bytes": row.bytes,
            "bytes_from": row.level,
            "operations": row.operations,
            "floor_s": row.floor_s,
            "time": spread(&row.measured),
        })
    };
    let roof = |(roof, rows): &(Roof, Vec<FloorRow>)| {
        let [least_s, took_s] = totals(rows);
        json!({
            "threads": roof.threads,
            "first_level_bytes_s": limit(roof.first_level),
            "second_level_bytes_s": limit(roof.second_level),
            "second_level_in_place_bytes_s": limit(roof.in_place),
            "memory_bytes_s": limit(roof.memory),
            "page_cache_bytes_s": limit(roof.page_cache),
            "fused_operations_s": limit(roof.fused),
            "stages": rows.iter().map(floor).collect::<Vec<_>>(),
            "floor_s": least_s,
            "took_s": took_s,
        })
    };
    let document: Value = json!({
        "format": "pinhole-speed",
        "version": 1,
        "lanes": lanes(),
        "threads": rayon::current_num_threads(),
        "fft": speed.core.iter().map(core).collect::<Vec<_>>(),
        "job": speed.job.as_ref().map(job),
        "roof": speed.roof.as_ref().map(roof),
    });
    serde_json::to_string_pretty(&document).expect("only string keys are used") + "\n"
}
