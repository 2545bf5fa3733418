//! What sources at known places leave open, and how to say so.

use super::Asked;
use super::model::{KNOWN_M, Model, Solution};
use crate::site::{Point3, Site};

/// A kind of unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// Delays.
    Delay,
    /// Places of sensors.
    Position,
    /// Speed or thickness.
    Speed,
}

/// An unknown that the takes leave open.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Open {
    /// Its kind.
    pub what: What,
    /// The sensor where it is worst, as a number in the site.
    pub sensor: usize,
    /// Standard deviation after and before; metres, of the speed relative.
    pub sigma: [f64; 2],
}

/// What is left open: kinds whose worst sensor keeps more than the share `told` of what was open before.
pub fn still_open(model: &Model, solution: &Solution, told: f64) -> Vec<Open> {
    let worst = |what: What, sigmas: Vec<[f64; 2]>| {
        let of_sensor = sigmas.into_iter().enumerate().filter(|(_, s)| s[1] > 10.0 * KNOWN_M);
        let worst = of_sensor.max_by(|a, b| (a.1[0] / a.1[1]).total_cmp(&(b.1[0] / b.1[1])));
        worst.filter(|(_, s)| s[0] > told * s[1]).map(|(sensor, sigma)| Open { what, sensor, sigma })
    };
    let delay = worst(
        What::Delay,
        model.delay_sigma_m(solution).into_iter().zip(model.prior.iter()).map(|(a, b)| [a, *b]).collect(),
    );
    let place = (0..model.sensors).map(|m| [model.place_sigma_m(solution, m), model.prior[model.place_of(m).start]]);
    let place = worst(What::Position, place.collect());
    let last = model.wavenumber();
    let speed = [solution.covariance[(last, last)].sqrt(), model.prior[last]];
    let known = speed[1] <= 10.0 * KNOWN_M;
    let speed = (known || speed[0] > told * speed[1]).then_some(Open { what: What::Speed, sensor: 0, sigma: speed });
    [delay, place, speed].into_iter().flatten().collect()
}

impl Open {
    /// Whether it was asked for.
    pub fn is_asked(&self, asked: Asked) -> bool {
        match self.what {
            What::Delay => asked.delay,
            What::Position => asked.position,
            What::Speed => asked.speed,
        }
    }

    /// Why nothing is written, and what would tell it.
    pub fn refusal(&self, site: &Site, takes: usize, proposals: &[Point3]) -> String {
        let id = site.sensors.get(self.sensor).map_or("", |s| &s.id);
        let mm = |m: f64| format!("{:.2} mm", m * 1e3);
        let [after, before] = self.sigma;
        let what = match self.what {
            What::Delay => format!("the delay of '{id}': ± {} of range of ± {}", mm(after), mm(before)),
            What::Position => format!("the place of '{id}': ± {} of ± {}", mm(after), mm(before)),
            What::Speed => format!("the speed: ± {:.3} % of ± {:.3} %", 100.0 * after, 100.0 * before),
        };
        let instead = match self.what {
            What::Delay => "--fit gain,polarity asks for less",
            What::Position => "--fit delay,gain,polarity asks for less",
            What::Speed => "--fit without speed asks for less",
        };
        let sources = if takes == 1 { "1 source leaves".to_owned() } else { format!("{takes} sources leave") };
        let more: Vec<String> = proposals.iter().map(|p| format!("{:.3},{:.3},{:.3}", p.x, p.y, p.z)).collect();
        let way_out = match more.is_empty() {
            true => "no place on the walls tells more; more sensors would".to_owned(),
            false => format!(
                "{} at {} as well would tell it",
                if more.len() == 1 { "a source" } else { "sources" },
                more.join(" and ")
            ),
        };
        format!("{sources} open {what}\n  {way_out}; {instead}")
    }
}
