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
use crate::locate::{Outcome, Verdict};
use crate::report::regions;
use crate::report::words::{self, headline, printable, shortened};
use crate::site::{Site, WallPoint};

/// Regions that reach less far than this to either side disappear under the leak's mark.
const VISIBLE_PX: f64 = 30.0;

pub(super) fn draw(site: &Site, outcome: &Outcome) -> Picture {
    if site.walls.is_empty() {
        return look::note(&headline(site, outcome), "the site has no wall");
    }
    let mut picture = look::sheet(&headline(site, outcome), &subtitle(site, outcome));
    let area = Frame::new(24.0, look::TOP_PX, 1190.0, 984.0);
    let range_db = patch::range_db(&outcome.evidence.maps);
    let flats: Option<Vec<Unrolled>> = site.walls.iter().map(Unrolled::new).collect();
    let shown = match flats {
        Some(flats) => draw_flat(&mut picture, site, outcome, range_db, laid_out(flats, area)),
        None => {
            let area = Frame::new(area.left + 12.0, area.top + 24.0, area.right, area.bottom);
            sides::draw(&mut picture, site, outcome, range_db, area);
            Shown { rivals: outcome.leaks.is_empty(), regions: false }
        }
    };
    side_panel(&mut picture, site, outcome, range_db, shown);
    picture
}

/// What the legend has to explain.
#[derive(Debug, Clone, Copy)]
struct Shown {
    rivals: bool,
    regions: bool,
}

/// Draws every wall laid flat, with the answer.
fn draw_flat(picture: &mut Picture, site: &Site, outcome: &Outcome, range_db: [f64; 2], patches: Vec<Patch>) -> Shown {
    for one in &patches {
        let map = outcome.evidence.maps.iter().find(|m| m.wall == one.wall);
        patch::draw(picture, site, one, map, range_db, Scale::Sequential);
    }
    let mut names = Names::new(Frame::new(0.0, look::TOP_PX, 1200.0, 1000.0));
    let regions = draw_regions(picture, site, outcome, &patches);
    let feet = site.sensors.iter().map(|s| on_sheet(&patches, &site.nearest(&s.position_m))).collect::<Vec<_>>();
    feet.iter().flatten().for_each(|at| names.keep_clear(*at, 7.0));
    let rivals = mark_places(picture, outcome, &patches, &mut names);
    mark_sensors(picture, site, outcome, &feet, &mut names);
    Shown { rivals, regions }
}

fn subtitle(site: &Site, outcome: &Outcome) -> String {
    let [low, high] = outcome.band_hz.map(|hz| hz * 1e-3);
    let round = site.walls.iter().any(|w| matches!(w.kind, "cylinder" | "cone" | "sphere"));
    let hint = if round { " Round walls as seen from outside; from inside, u runs to the left." } else { "" };
    let name = if site.name.is_empty() { String::new() } else { format!("{}: ", printable(&site.name)) };
    format!("{name}steered response on the wall, {low:.1} to {high:.1} kHz.{hint}")
}

/// Marks leaks and rivals; tells whether there is a rival.
fn mark_places(picture: &mut Picture, outcome: &Outcome, patches: &[Patch], names: &mut Names) -> bool {
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
    for (i, at) in marked.iter().enumerate() {
        markers::leak(picture, *at, 16.0);
        let text = if outcome.leaks.len() > 1 { format!("Leak {}", i + 1) } else { "Leak".to_owned() };
        names.put(picture, Label::new(text, *at, 22.0).bold().colour(LEAK).halo(WHITE), 33.0);
    }
    !rivals.is_empty()
}

fn on_sheet(patches: &[Patch], point: &WallPoint) -> Option<[f64; 2]> {
    patches.iter().find(|p| p.wall == point.wall).map(|p| p.px(point.a, point.v_m))
}

/// The rims of the regions that are larger than a leak's mark; tells whether there are any.
fn draw_regions(picture: &mut Picture, site: &Site, outcome: &Outcome, patches: &[Patch]) -> bool {
    let regions = regions::shown(site, outcome);
    let mut any = false;
    // One leak's regions are drawn or left out together, the largest says which.
    for of_leak in regions.chunk_by(|p, q| p.leak == q.leak) {
        let lines: Vec<(f64, Vec<[f64; 2]>)> = of_leak
            .iter()
            .filter_map(|region| Some((region, patches.iter().find(|patch| patch.wall == region.wall)?)))
            .flat_map(|(region, patch)| {
                let on_paper = |rim: &[[f64; 2]]| rim.iter().map(|[a, v_m]| patch.px(*a, *v_m)).collect();
                region.rims(&patch.flat.chart()).map(|rim| (region.level, on_paper(rim))).collect::<Vec<_>>()
            })
            .collect();
        let extent = |line: &[[f64; 2]], axis: usize| {
            let along = line.iter().map(|p| p[axis]);
            along.clone().fold(f64::NEG_INFINITY, f64::max) - along.fold(f64::INFINITY, f64::min)
        };
        if !lines.iter().any(|(_, line)| extent(line, 0).max(extent(line, 1)) > 2.0 * VISIBLE_PX) {
            continue;
        }
        any = true;
        for (_, line) in &lines {
            picture.line(line.iter().copied(), Stroke::new(faded(WHITE, 0.9), 4.5));
        }
        for (level, line) in lines {
            picture.line(line, look::rim(level));
        }
    }
    any
}

/// Every sensor at the wall point nearest to it, with its name where there is room.
fn mark_sensors(picture: &mut Picture, site: &Site, outcome: &Outcome, feet: &[Option<[f64; 2]>], names: &mut Names) {
    for (i, at) in feet.iter().enumerate() {
        if let Some(at) = at {
            let report = outcome.sensors.get(i);
            let (used, faulty) = report.map_or((true, false), |r| (r.used, !r.faults.is_empty()));
            markers::sensor(picture, *at, used, faulty);
        }
    }
    for (sensor, at) in site.sensors.iter().zip(feet) {
        if let Some(at) = at {
            let label = Label::new(shortened(&sensor.id, 14), *at, SMALL_PX).halo(faded(WHITE, 0.85));
            names.put(picture, label, 10.0);
        }
    }
}

/// Ellipse, colour bar and legend to the right of the map.
fn side_panel(picture: &mut Picture, site: &Site, outcome: &Outcome, range_db: [f64; 2], shown: Shown) {
    const LEFT: f64 = 1236.0;
    let faults = outcome.sensors.iter().any(|s| !s.used || !s.faults.is_empty());
    let mut top = look::TOP_PX + 40.0;
    if let Some(leak) = outcome.leaks.first() {
        let frame = Frame::new(LEFT + 72.0, top + 30.0, LEFT + 326.0, top + 284.0);
        let v_down = site.walls.get(leak.point.wall).is_some_and(|w| w.kind == "sphere");
        inset::draw(picture, frame, site, &outcome.leaks, v_down);
        top = frame.bottom + 120.0;
    }
    let mut rows = Vec::new();
    if !outcome.leaks.is_empty() {
        rows.push((Key::Leak, "leak"));
    }
    if shown.regions {
        let text =
            if outcome.leaks.is_empty() { "if there is one: 50, 90, 95 % within" } else { "50, 90, 95 % sure within" };
        rows.push((Key::Regions, text));
    }
    if shown.rivals {
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
