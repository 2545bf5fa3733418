//! What a metal wall is made of, as far as the waves it guides care.

use super::SpeedSigma;

/// An isotropic elastic solid.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Solid {
    /// Density, kg/m³; no speed depends on it once the two below are given.
    pub density_kg_m3: f64,
    /// Speed of longitudinal waves, metres per second.
    pub longitudinal_m_s: f64,
    /// Speed of shear waves, metres per second; less than `√3/2` of the longitudinal one.
    pub shear_m_s: f64,
}

/// A guided wave without cutoff.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The lowest antisymmetric wave: bending at low frequency, slow and strongly dispersive.
    A0,
    /// The lowest symmetric wave: stretching at low frequency, fast.
    S0,
}

/// Guided waves along the wall.
#[derive(Debug, Clone, PartialEq)]
pub struct PlatePath {
    /// The wave that the sensors hear; absent where the site leaves it open.
    pub mode: Option<Mode>,
    /// What its speed follows from.
    pub wave: PlateWave,
    /// How sure the speed is, at every frequency alike.
    pub speed_sigma: SpeedSigma,
    /// Loss on the way besides spreading, decibels a metre.
    pub absorption_db_m: f64,
}

/// What the speed of a guided wave follows from.
#[derive(Debug, Clone, PartialEq)]
pub enum PlateWave {
    /// Elasticity and thickness.
    Lamb {
        /// The wall's material.
        solid: Solid,
        /// Thickness, metres.
        thickness_m: f64,
        /// One standard deviation of the thickness, metres, where the site gives it.
        thickness_sigma_m: Option<f64>,
    },
    /// One speed for every frequency, metres per second.
    Fixed(f64),
    /// Measured: rows of frequency (Hz, growing) and phase speed (m/s), at least two.
    Measured(Vec<[f64; 2]>),
}

impl Mode {
    /// Both, the one that a leak drives harder first.
    pub const ALL: [Self; 2] = [Self::A0, Self::S0];

    /// Its name in site files.
    pub fn name(self) -> &'static str {
        match self {
            Self::A0 => "A0",
            Self::S0 => "S0",
        }
    }
}

/// Alloys by name: Young's modulus in gigapascals, Poisson's ratio, density in kg/m³.
///
/// AMg6: GOST 4784 (the alloy of the Russian segment's shells); 6061-T6, 2219-T87, 7075-T6: MMPDS (MIL-HDBK-5J) tables
/// 3.6.2, 3.2.8 and 3.7.6; Ti-6Al-4V: the same, table 5.4.1, and ASM; 304: EN 10088-1 and MIL-HDBK-5J table 2.7.1.
const ALLOYS: [(&str, f64, f64, f64); 6] = [
    ("AMg6", 71.0, 0.33, 2640.0),
    ("6061-T6", 68.9, 0.33, 2700.0),
    ("2219-T87", 73.1, 0.33, 2840.0),
    ("7075-T6", 71.7, 0.33, 2810.0),
    ("Ti-6Al-4V", 113.8, 0.342, 4430.0),
    ("304", 196.0, 0.29, 8000.0),
];

impl Solid {
    /// The names that [`Solid::named`] knows.
    pub const NAMES: [&str; ALLOYS.len()] = {
        let mut names = [""; ALLOYS.len()];
        let mut i = 0;
        while i < ALLOYS.len() {
            names[i] = ALLOYS[i].0;
            i += 1;
        }
        names
    };

    /// The alloy of this name.
    pub fn named(name: &str) -> Option<Self> {
        let (_, young_gpa, poisson, density) = ALLOYS.into_iter().find(|alloy| alloy.0 == name)?;
        Some(Self::from_moduli(young_gpa * 1e9, poisson, density))
    }

    /// From Young's modulus in pascals, Poisson's ratio and density.
    pub fn from_moduli(young_pa: f64, poisson: f64, density_kg_m3: f64) -> Self {
        let shear_pa = young_pa / (2.0 * (1.0 + poisson));
        let longitudinal_pa = young_pa * (1.0 - poisson) / ((1.0 + poisson) * (1.0 - 2.0 * poisson));
        Self {
            density_kg_m3,
            longitudinal_m_s: (longitudinal_pa / density_kg_m3).sqrt(),
            shear_m_s: (shear_pa / density_kg_m3).sqrt(),
        }
    }
}
