//! Where on the wall is the leak? All walls laid flat at one scale, or seen from all sides, the answer marked.

use super::colour_map::Scale;
use super::inset;
use super::layout::{Patch, laid_out};
use super::look::{self, LEAK, SMALL_PX, WHITE, faded};
use super::markers::{self, Key, Names};
use super::patch;
use super::picture::{Frame, Label, Picture, Stroke};
use super::sides;
use super::unroll::Unrolled;
use crate::locate::{Leak, Outcome, Verdict};
use crate::report::words::{self, headline, printable, shortened};
use crate::site::{Site, WallPoint};

/// Ellipses smaller than this disappear under the leak's mark.
const VISIBLE_PX: f64 = 8.0;

pub(super) fn draw(site: &Site, outcome: &Outcome) -> Picture {
    if site.walls.is_empty() {
        return look::note(&headline(site, outcome), "the site has no wall");
    }
    let mut picture = look::sheet(&headline(site, outcome), &subtitle(site, outcome));
    let area = Frame::new(24.0, look::TOP_PX, 1190.0, 984.0);
    let range_db = patch::range_db(&outcome.evidence.maps);
    let flats: Option<Vec<Unrolled>> = site.walls.iter().map(Unrolled::new).collect();
    let rivals = match flats {
        Some(flats) => draw_flat(&mut picture, site, outcome, range_db, laid_out(flats, area)),
        None => {
            let area = Frame::new(area.left + 12.0, area.top + 24.0, area.right, area.bottom);
            sides::draw(&mut picture, site, outcome, range_db, area);
            outcome.leaks.is_empty()
        }
    };
    let faults = outcome.sensors.iter().any(|s| !s.used || !s.faults.is_empty());
    side_panel(&mut picture, site, outcome, range_db, rivals, faults);
    picture
}

/// Draws every wall laid flat, with the answer; tells whether there is a rival.
fn draw_flat(picture: &mut Picture, site: &Site, outcome: &Outcome, range_db: [f64; 2], patches: Vec<Patch>) -> bool {
    for one in &patches {
        let map = outcome.evidence.maps.iter().find(|m| m.wall == one.wall);
        patch::draw(picture, site, one, map, range_db, Scale::Sequential);
    }
    let mut names = Names::new(Frame::new(0.0, look::TOP_PX, 1200.0, 1000.0));
    let rivals = mark_places(picture, site, outcome, &patches, &mut names);
    mark_sensors(picture, site, outcome, &patches, &mut names);
    rivals
}

fn subtitle(site: &Site, outcome: &Outcome) -> String {
    let [low, high] = outcome.band_hz.map(|hz| hz * 1e-3);
    let round = site.walls.iter().any(|w| matches!(w.kind, "cylinder" | "cone" | "sphere"));
    let hint = if round { " Round walls as seen from outside; from inside, u runs to the left." } else { "" };
    let name = if site.name.is_empty() { String::new() } else { format!("{}: ", printable(&site.name)) };
    format!("{name}steered response on the wall, {low:.1} to {high:.1} kHz.{hint}")
}

/// Marks leaks, their ellipses, and rivals; tells whether there is a rival.
fn mark_places(picture: &mut Picture, site: &Site, outcome: &Outcome, patches: &[Patch], names: &mut Names) -> bool {
    let guess = match outcome.verdict {
        Verdict::Leak => None,
        _ => outcome.candidates.first(),
    };
    let mut rivals: Vec<_> = words::rivals(outcome).chain(guess).collect();
    rivals.truncate(5);
    let marked: Vec<[f64; 2]> = outcome.leaks.iter().filter_map(|l| on_sheet(patches, &l.point)).collect();
    for at in &marked {
        names.keep_clear(*at, 30.0);
    }
    for rival in &rivals {
        let Some(at) = on_sheet(patches, &rival.point) else { continue };
        markers::candidate(picture, at);
        names.keep_clear(at, 13.0);
        let label = Label::new(format!("{:.2}", rival.score), at, SMALL_PX).colour(LEAK).halo(WHITE);
        names.put(picture, label, 16.0);
    }
    for (i, (leak, at)) in outcome.leaks.iter().zip(&marked).enumerate() {
        ellipse(picture, site, patches, leak);
        markers::leak(picture, *at, 16.0);
        let text = if outcome.leaks.len() > 1 { format!("Leak {}", i + 1) } else { "Leak".to_owned() };
        names.put(picture, Label::new(text, *at, 22.0).bold().colour(LEAK).halo(WHITE), 33.0);
    }
    !rivals.is_empty()
}

fn on_sheet(patches: &[Patch], point: &WallPoint) -> Option<[f64; 2]> {
    patches.iter().find(|p| p.wall == point.wall).map(|p| p.px(point.a, point.v_m))
}

/// The 95 % ellipse where it is larger than the leak's mark; cut in two where it crosses the seam.
fn ellipse(picture: &mut Picture, site: &Site, patches: &[Patch], leak: &Leak) {
    let Some(patch) = patches.iter().find(|p| p.wall == leak.point.wall) else { return };
    if leak.ellipse_95.semi_major_m * patch.px_per_m < VISIBLE_PX {
        return;
    }
    let mut rim: Vec<WallPoint> =
        inset::around(&leak.ellipse_95).map(|[du, dv]| site.moved(&leak.point, du, dv)).collect();
    rim.extend(rim.first().copied());
    let chart = patch.flat.chart();
    let jump = (chart.a[1] - chart.a[0]) / 2.0;
    for run in rim.chunk_by(|a, b| !chart.closed || (a.a - b.a).abs() < jump || patch.flat.is_disc()) {
        let line: Vec<_> = run.iter().map(|p| patch.px(p.a, p.v_m)).collect();
        picture.line(line.clone(), Stroke::new(faded(WHITE, 0.9), 5.0));
        picture.line(line, Stroke::new(LEAK, 2.5));
    }
}

/// Every sensor at the wall point nearest to it, with its name where there is room.
fn mark_sensors(picture: &mut Picture, site: &Site, outcome: &Outcome, patches: &[Patch], names: &mut Names) {
    let feet: Vec<Option<[f64; 2]>> =
        site.sensors.iter().map(|s| on_sheet(patches, &site.nearest(&s.position_m))).collect();
    for (i, at) in feet.iter().enumerate() {
        if let Some(at) = at {
            let report = outcome.sensors.get(i);
            let (used, faulty) = report.map_or((true, false), |r| (r.used, !r.faults.is_empty()));
            markers::sensor(picture, *at, used, faulty);
            names.keep_clear(*at, 7.0);
        }
    }
    for (sensor, at) in site.sensors.iter().zip(feet) {
        if let Some(at) = at {
            let label = Label::new(shortened(&sensor.id, 14), at, SMALL_PX).halo(faded(WHITE, 0.85));
            names.put(picture, label, 10.0);
        }
    }
}

/// Ellipse, colour bar and legend to the right of the map.
fn side_panel(picture: &mut Picture, site: &Site, outcome: &Outcome, range_db: [f64; 2], rivals: bool, faults: bool) {
    const LEFT: f64 = 1236.0;
    let mut top = look::TOP_PX + 40.0;
    if let Some(leak) = outcome.leaks.first() {
        let frame = Frame::new(LEFT + 72.0, top + 30.0, LEFT + 326.0, top + 284.0);
        let v_down = site.walls.get(leak.point.wall).is_some_and(|w| w.kind == "sphere");
        let heading = if outcome.leaks.len() > 1 { "Leak 1: 95 % sure within" } else { "95 % sure to lie within" };
        inset::draw(picture, frame, heading, leak, v_down);
        top = frame.bottom + 120.0;
    }
    let mut rows = Vec::new();
    if !outcome.leaks.is_empty() {
        rows.push((Key::Leak, "leak"));
    }
    if rivals {
        let text = if outcome.leaks.is_empty() { "candidate, not proven (score)" } else { "runner-up (score)" };
        rows.push((Key::Candidate, text));
    }
    rows.push((Key::Sensor { used: true }, "sensor, at its nearest wall point"));
    if faults {
        rows.push((Key::Sensor { used: false }, "sensor faulty or left out"));
    }
    let legend_top = 968.0 - 32.0 * (rows.len() - 1) as f64;
    if !outcome.evidence.maps.is_empty() {
        let bar = Frame::new(LEFT + 4.0, top, LEFT + 32.0, (legend_top - 44.0).min(top + 420.0));
        patch::colour_bar(picture, bar, range_db);
    }
    markers::legend(picture, [LEFT, legend_top], 16.0, &rows);
}
