//! Waves guided by a plate: the two that exist at every frequency.
//!
//! Rayleigh and Lamb's equations for a free isotropic plate (Lamb 1917, Proc. R. Soc. A 93:114; Viktorov 1967) in squares
//! of dimensionless frequency `w = (ω h/c_T)²` and wavenumber `x = (k h)²`, `h` half the thickness, `g = (c_T/c_L)²`:
//! `p² = g w − x`, `q² = w − x`. Cosine and sine enter as `cos √z` and `sin √z/√z`, which are real and smooth for either
//! sign of `z`: no complex branch anywhere. Where they grow, a common factor `exp(−|Im p| − |Im q|)` keeps them small.

use std::f64::consts::PI;

use crate::site::{Mode, Solid};

impl Solid {
    fn squared_ratio(&self) -> f64 {
        (self.shear_m_s / self.longitudinal_m_s).powi(2)
    }

    /// Speed of stretching waves in a plate thin against their length, metres per second.
    pub fn plate_m_s(&self) -> f64 {
        2.0 * self.shear_m_s * (1.0 - self.squared_ratio()).sqrt()
    }

    /// Speed of Rayleigh waves, metres per second: both guided waves approach it in a thick plate.
    pub fn rayleigh_m_s(&self) -> f64 {
        // x = (c/c_T)² is the root in (0, 1) of x³ − 8x² + (24 − 16g)x − 16(1 − g), which climbs from −16(1 − g) to 1.
        let g = self.squared_ratio();
        let cubic = |x: f64| ((x - 8.0) * x + 24.0 - 16.0 * g) * x - 16.0 * (1.0 - g);
        let slope = |x: f64| (3.0 * x - 16.0) * x + 24.0 - 16.0 * g;
        let x = root([0.0, 1.0], |x| [cubic(x), slope(x)]);
        self.shear_m_s * x.sqrt()
    }
}

/// Wavenumber (rad/m) and group velocity (m/s) of `mode` at `frequency_hz > 0` in a free plate of `thickness_m`.
///
/// Good to 1e-12 relative on the wavenumber for 0.02 to 5 MHz·mm of aluminium.
pub fn guided(solid: &Solid, thickness_m: f64, mode: Mode, frequency_hz: f64) -> (f64, f64) {
    let omega = 2.0 * PI * frequency_hz;
    let half_m = thickness_m / 2.0;
    let plate = Plate { mode, w: (omega * half_m / solid.shear_m_s).powi(2), g: solid.squared_ratio() };
    // The squared wavenumber of a wave of phase velocity c.
    let x_of = |c: f64| (omega * half_m / c).powi(2);
    let x = root(bracket(solid, thickness_m, &plate, omega, x_of), |x| {
        let [value, by_x, _] = plate.characteristic(x);
        [value, by_x]
    });
    let [_, by_x, by_w] = plate.characteristic(x);
    let group_m_s = solid.shear_m_s * (-by_x / by_w) * (x / plate.w).sqrt();
    (x.sqrt() / half_m, group_m_s)
}

/// Squared wavenumbers between which the mode's root, and no other, lies.
fn bracket(solid: &Solid, thickness_m: f64, plate: &Plate, omega: f64, x_of: impl Fn(f64) -> f64) -> [f64; 2] {
    let rayleigh = solid.rayleigh_m_s();
    match plate.mode {
        Mode::A0 => {
            // Slower than the bending wave of thin-plate theory and than the Rayleigh wave, but not by much.
            let kirchhoff = (omega * thickness_m * solid.plate_m_s() / 12f64.sqrt()).sqrt();
            [x_of(rayleigh), x_of(0.8 / (1.0 / kirchhoff + 1.0 / rayleigh))]
        }
        Mode::S0 => {
            // The slowest symmetric wave, faster than the Rayleigh wave: the first change of sign from there.
            let sign = |c: f64| plate.characteristic(x_of(c))[0].is_sign_positive();
            let (mut slow, start) = (0.9 * rayleigh, sign(0.9 * rayleigh));
            while slow < 1.02 * solid.plate_m_s() && sign(1.01 * slow) == start {
                slow *= 1.01;
            }
            [x_of(1.01 * slow), x_of(slow)]
        }
    }
}

/// One mode's equation at one frequency.
struct Plate {
    mode: Mode,
    w: f64,
    g: f64,
}

impl Plate {
    /// The characteristic function, zero where the wave exists, and its derivatives by `x` and by `w`.
    fn characteristic(&self, x: f64) -> [f64; 3] {
        let (p2, q2) = (self.g * self.w - x, self.w - x);
        let a = q2 - x;
        let (p, q) = (Waves::of(p2), Waves::of(q2));
        match self.mode {
            Mode::S0 => {
                let by = |da: f64, dx: f64, dp: f64, dq: f64| {
                    2.0 * a * da * p.cos * q.sinc
                        + a * a * (p.cos_slope() * dp * q.sinc + p.cos * q.sinc_slope * dq)
                        + 4.0 * (dx * p2 + x * dp) * p.sinc * q.cos
                        + 4.0 * x * p2 * (p.sinc_slope * dp * q.cos + p.sinc * q.cos_slope() * dq)
                };
                let value = a * a * p.cos * q.sinc + 4.0 * x * p2 * p.sinc * q.cos;
                [value, by(-2.0, 1.0, -1.0, -1.0), by(1.0, 0.0, self.g, 1.0)]
            }
            Mode::A0 => {
                let by = |da: f64, dx: f64, dp: f64, dq: f64| {
                    2.0 * a * da * p.sinc * q.cos
                        + a * a * (p.sinc_slope * dp * q.cos + p.sinc * q.cos_slope() * dq)
                        + 4.0 * (dx * q2 + x * dq) * q.sinc * p.cos
                        + 4.0 * x * q2 * (q.sinc_slope * dq * p.cos + q.sinc * p.cos_slope() * dp)
                };
                let value = a * a * p.sinc * q.cos + 4.0 * x * q2 * q.sinc * p.cos;
                [value, by(-2.0, 1.0, -1.0, -1.0), by(1.0, 0.0, self.g, 1.0)]
            }
        }
    }
}

/// `cos √z`, `sin √z/√z` and the slope of the latter by `z`, all times `exp(−|Im √z|)`.
struct Waves {
    cos: f64,
    sinc: f64,
    sinc_slope: f64,
}

impl Waves {
    fn of(z: f64) -> Self {
        let root = z.abs().sqrt();
        let (cos, sinc) = if z >= 0.0 {
            (root.cos(), if root > 0.0 { root.sin() / root } else { 1.0 })
        } else {
            let shrunk = (-2.0 * root).exp();
            (0.5 * (1.0 + shrunk), -0.5 * (-2.0 * root).exp_m1() / root)
        };
        // Near zero the difference of the two cancels; Σ n (−1)ⁿ zⁿ⁻¹/(2n + 1)! does not.
        let sinc_slope = if z.abs() < 0.5 {
            let series = (1..10_i32).rev().fold(0.0, |sum, n| {
                let factor = f64::from((2 * n + 2) * (2 * n + 3));
                f64::from(n) - z * sum / factor
            });
            -series / 6.0 * if z < 0.0 { (-root).exp() } else { 1.0 }
        } else {
            (cos - sinc) / (2.0 * z)
        };
        Self { cos, sinc, sinc_slope }
    }

    fn cos_slope(&self) -> f64 {
        -0.5 * self.sinc
    }
}

/// The root between two places with values of opposite sign: Newton's steps, halved where they leave the bracket.
///
/// Where the signs agree, the root has merged with the first end to rounding, and that end is given.
fn root(mut ends: [f64; 2], f: impl Fn(f64) -> [f64; 2]) -> f64 {
    let rises = f(ends[1])[0] > 0.0;
    if (f(ends[0])[0] > 0.0) == rises {
        return ends[0];
    }
    let mut x = 0.5 * (ends[0] + ends[1]);
    for _ in 0..200 {
        let [value, slope] = f(x);
        if (value > 0.0) == rises {
            ends[1] = x
        } else {
            ends[0] = x
        }
        let newton = x - value / slope;
        let inside = newton > ends[0] && newton < ends[1];
        let next = if inside { newton } else { 0.5 * (ends[0] + ends[1]) };
        if (next - x).abs() <= 2.0 * f64::EPSILON * x.abs() || next == ends[0] || next == ends[1] {
            return next;
        }
        x = next;
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;

    const AL_6061: (f64, f64, f64) = (68.9e9, 0.33, 2700.0);

    fn solid() -> Solid {
        Solid::from_moduli(AL_6061.0, AL_6061.1, AL_6061.2)
    }

    fn at(solid: &Solid, mode: Mode, mhz_mm: f64) -> (f64, f64) {
        let (k, group) = guided(solid, 1e-3, mode, mhz_mm * 1e6);
        (2.0 * PI * mhz_mm * 1e6 / k, group)
    }

    #[test]
    fn speeds_of_the_solid_agree_with_the_table() {
        let s = solid();
        let found = [s.longitudinal_m_s, s.shear_m_s, s.rayleigh_m_s(), s.plate_m_s()];
        for (found, expected) in found.iter().zip([6148.934279, 3097.325946, 2886.778689, 5351.364177]) {
            assert!((found - expected).abs() <= 0.5e-6 + 1e-9, "{found} {expected}");
        }
    }

    #[test]
    fn both_modes_agree_with_the_tables_to_every_printed_digit() {
        // MHz·mm, A0 phase and group, S0 phase and group, m/s.
        let aluminium_6061 = [
            [0.1, 950.198772, 1775.277778, 5350.617479, 5349.122497],
            [0.3, 1538.954817, 2582.212494, 5344.570910, 5330.853558],
            [0.5, 1868.751039, 2889.827052, 5332.074162, 5292.447953],
            [1.0, 2313.005799, 3113.395215, 5265.149128, 5072.877212],
            [1.5, 2532.928326, 3128.445858, 5109.488585, 4494.161117],
            [2.0, 2657.250524, 3101.215516, 4700.790805, 2975.408076],
            [2.25, 2699.501220, 3084.603393, 4256.268013, 2002.071099],
            [2.5, 2732.979168, 3068.191791, 3751.453499, 1765.143925],
            [3.0, 2781.535648, 3037.982790, 3248.807516, 2155.520524],
        ];
        let amg6 = [
            [0.1, 963.631426, 1803.296311, 5492.960671, 5491.504599],
            [0.4, 1750.601790, 2824.562966, 5481.824250, 5457.709349],
            [0.8, 2216.377186, 3144.231000, 5443.059398, 5334.932595],
            [1.2, 2466.899150, 3211.481109, 5365.338652, 5067.323415],
            [1.75, 2660.750669, 3202.198597, 5125.170196, 4138.565201],
            [2.75, 2825.956695, 3138.228350, 3596.402563, 1939.542041],
            [3.0, 2849.066272, 3123.320002, 3382.715198, 2152.102442],
        ];
        let amg6_solid = Solid::from_moduli(71.0e9, 0.33, 2640.0);
        let rows = aluminium_6061.iter().map(|r| (solid(), r)).chain(amg6.iter().map(|r| (amg6_solid, r)));
        for (solid, [mhz_mm, a_phase, a_group, s_phase, s_group]) in rows {
            for (mode, phase, group) in [(Mode::A0, a_phase, a_group), (Mode::S0, s_phase, s_group)] {
                let (found_phase, found_group) = at(&solid, mode, *mhz_mm);
                assert!((found_phase - phase).abs() <= 0.5e-6 + 1e-9, "{mode:?} {mhz_mm}: {found_phase} {phase}");
                assert!((found_group - group).abs() <= 0.5e-6 + 1e-8, "{mode:?} {mhz_mm}: {found_group} {group}");
            }
        }
    }

    #[test]
    fn lames_point_is_met() {
        let s = solid();
        let (phase, group) = at(&s, Mode::S0, s.shear_m_s / 2f64.sqrt() * 1e-3);
        assert!((phase / (2f64.sqrt() * s.shear_m_s) - 1.0).abs() < 1e-13, "{phase}");
        assert!((group / (s.shear_m_s / 2f64.sqrt()) - 1.0).abs() < 1e-12, "{group}");
    }

    #[test]
    fn an_independent_program_agrees() {
        // Vallen Dispersion R2018, aluminium 6420/3040, at 0.503723 MHz·mm, m/s.
        let solid = Solid { density_kg_m3: 2700.0, longitudinal_m_s: 6420.0, shear_m_s: 3040.0 };
        assert!((at(&solid, Mode::A0, 0.503723).0 - 1866.494).abs() < 0.5e-3);
        assert!((at(&solid, Mode::S0, 0.503723).0 - 5330.640).abs() < 0.5e-3);
    }

    #[test]
    fn curves_are_smooth_and_ordered_from_thin_to_thick() {
        let solids = [solid(), Solid::from_moduli(113.8e9, 0.342, 4430.0), Solid::from_moduli(196.0e9, 0.29, 8000.0)];
        for solid in solids {
            let (mut slow, mut fast) = (0.0, f64::MAX);
            for i in 1..=1000 {
                let mhz_mm = 5e-3 * f64::from(i);
                let (a, s) = (at(&solid, Mode::A0, mhz_mm).0, at(&solid, Mode::S0, mhz_mm).0);
                // Rounding may take back a last digit where the curves are flat.
                assert!(a > slow * (1.0 - 1e-12) && s < fast * (1.0 + 1e-12), "{mhz_mm}: {a} {slow} {s} {fast}");
                assert!(a < solid.rayleigh_m_s() && s > solid.rayleigh_m_s() && s < solid.plate_m_s(), "{mhz_mm}");
                (slow, fast) = (a, s);
            }
        }
    }

    #[test]
    fn group_velocity_is_the_slope_of_frequency_by_wavenumber() {
        let s = solid();
        for mode in Mode::ALL {
            for f in [3e5, 1.2e6, 2.4e6, 4e6] {
                let step = 1e-5 * f;
                let (ahead, behind) = (guided(&s, 1e-3, mode, f + step).0, guided(&s, 1e-3, mode, f - step).0);
                let slope = 2.0 * PI * 2.0 * step / (ahead - behind);
                // A central difference errs by a relative step² of the curvature, 1e-10, and rounding over the step, 1e-11.
                assert!((guided(&s, 1e-3, mode, f).1 / slope - 1.0).abs() < 1e-8, "{mode:?} {f}");
            }
        }
    }
}
