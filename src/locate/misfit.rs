//! Where the sound contradicts the site: ranges that no place on the wall explains, another wave, another speed or thickness.

use super::array::Array;
use super::outcome::{Behaviour, Fit, InFront, PathUsed};
use super::refine::Refined;
use crate::site::{Mode, Site};

/// Chi-square per degree of freedom from which sound and stated geometry contradict each other.
pub const CONTRADICTION: f64 = 3.0;

/// A source is in front of its wall, or behind it, from so many standard deviations on.
const OFF_WALL_SIGMAS: f64 = 6.0;

/// A site's thickness or speed is contradicted when the sound tells another one, this many standard deviations off.
const MISSTATED: f64 = 3.5;

/// Log likelihood, in nats, by which the wave that the site does not name must explain the sound better to contradict it.
const MISNAMED: f64 = 10.0;

/// Agreement of measured ranges with the stated geometry.
pub fn fit(array: &Array<'_>, refined: &Refined) -> Option<Fit> {
    let (chi2, dof) = refined.chi2;
    if dof == 0 {
        return None;
    }
    let worst =
        (0..array.len()).max_by(|&m, &n| refined.residuals[m].1.abs().total_cmp(&refined.residuals[n].1.abs()))?;
    let chi2_per_dof = chi2 / dof as f64;
    // Chi-square falls by so many standard deviations squared, in units of what is left per degree of freedom: a test by F.
    let is_off = |place: &InFront| place.distance_m.0.abs() > OFF_WALL_SIGMAS * place.distance_m.1;
    let in_front = refined.in_front.filter(|place| chi2_per_dof > CONTRADICTION && is_off(place));
    Some(Fit { chi2_per_dof, dof, worst_sensor: array.sensors[worst], in_front })
}

/// Why the place cannot be relied on, where the sound comes from in front of the wall.
pub fn in_front(fit: Option<Fit>) -> Option<String> {
    let Fit { chi2_per_dof: on_wall, in_front, .. } = fit?;
    let InFront { distance_m: (distance_m, sigma_m), chi2_per_dof } = in_front?;
    let side = if distance_m > 0.0 { "in front of" } else { "behind" };
    Some(format!(
        "the sound comes from {:.0} ± {:.1} mm {side} the wall (chi-square {chi2_per_dof:.1} per degree of freedom there, {on_wall:.1} on \
         the wall): a machine close to it, or a wall that is not where the site says",
        distance_m.abs() * 1e3,
        sigma_m * 1e3
    ))
}

/// A warning where sound and stated geometry contradict each other.
pub fn contradiction(array: &Array<'_>, fit: Option<Fit>) -> Option<String> {
    let fit = fit.filter(|fit| fit.chi2_per_dof > CONTRADICTION)?;
    let sensor = &array.site.sensors[fit.worst_sensor];
    Some(format!(
        "delays and stated geometry disagree (chi-square {:.1} per degree of freedom); the ellipse is widened to match. \
         Sensor '{}' (channel {}) fits worst: check its place, cable and channel",
        fit.chi2_per_dof, sensor.id, sensor.channel
    ))
}

/// Why the place cannot be relied on, where the site names one guided wave and the sound is the other.
pub fn misnamed(site: &Site, array: &Array<'_>, rival: Option<(Option<Mode>, f64)>) -> Option<String> {
    let (named, heard, (_, nats)) = (site.path_mode()?, array.medium.mode?, rival?);
    (named != heard && nats > MISNAMED).then(|| {
        format!(
            "the site says mode {}, but {} explains the sound better by {nats:.0} nats: mend 'mode', or leave it out",
            named.name(),
            heard.name()
        )
    })
}

/// A warning where the wall or the air is not what the site says.
pub fn misstated(path: &PathUsed) -> Option<String> {
    let Behaviour { of_thickness, stated, heard } = path.behaves?;
    if (heard[0] - stated[0]).abs() <= MISSTATED * stated[1].hypot(heard[1]) {
        return None;
    }
    let (what, unit, scale) = if of_thickness { ("plate", "mm", 1e3) } else { (path.kind, "m/s", 1.0) };
    Some(format!(
        "the {what} behaves as {:.3} {unit}, the site says {:.3} ± {:.3} {unit}: mend the site's {}",
        heard[0] * scale,
        stated[0] * scale,
        stated[1] * scale,
        if of_thickness { "thickness or material" } else { "speed or temperature" }
    ))
}
