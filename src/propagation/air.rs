//! How fast sound travels in moist air, and how much of it is lost on the way.

/// Cabin air.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Air {
    /// Temperature, degrees Celsius.
    pub temperature_c: f64,
    /// Static pressure, kilopascals.
    pub pressure_kpa: f64,
    /// Relative humidity, per cent.
    pub humidity_pct: f64,
}

/// Mole fraction of carbon dioxide in outdoor air. Ten times as much, usual on a station, costs 0.09 % of the speed.
pub const OUTDOOR_CO2: f64 = 0.0004;

const ZERO_CELSIUS_K: f64 = 273.15;

impl Air {
    /// Speed of sound, metres per second; good to 0.03 % within 0..30 °C, 75..102 kPa and a mole fraction of
    /// carbon dioxide up to 0.01.
    ///
    /// # References
    /// Cramer, JASA 93:2510 (1993), eq. 15, with saturation pressure and enhancement factor of Davis,
    /// Metrologia 29:67 (1992): IEC 61094-2:2009 annex F.
    pub fn speed_of_sound_m_s(&self, co2_fraction: f64) -> f64 {
        let t = self.temperature_c;
        let p = self.pressure_kpa * 1e3;
        let kelvin = t + ZERO_CELSIUS_K;
        let saturation_pa =
            (1.2378847e-5 * kelvin * kelvin - 1.9121316e-2 * kelvin + 33.93711047 - 6.3431645e3 / kelvin).exp();
        let enhancement = 1.00062 + 3.14e-8 * p + 5.6e-7 * t * t;
        let water = self.humidity_pct / 100.0 * enhancement * saturation_pa / p;
        let co2 = co2_fraction;
        331.5024 + 0.603055 * t - 0.000528 * t * t
            + (51.471935 + 0.1495874 * t - 0.000782 * t * t) * water
            + (-1.82e-7 + 3.73e-8 * t - 2.93e-10 * t * t) * p
            + (-85.20931 - 0.228525 * t + 5.91e-5 * t * t) * co2
            - 2.835149 * water * water
            - 2.15e-13 * p * p
            + 29.179762 * co2 * co2
            + 0.000486 * water * p * co2
    }

    /// Absorption of sound, decibels per metre, at `frequency_hz`.
    ///
    /// # References
    /// ISO 9613-1:1993, eqs. 3–5; humidity by annex B.
    pub fn absorption_db_m(&self, frequency_hz: f64) -> f64 {
        let f2 = frequency_hz * frequency_hz;
        let kelvin = self.temperature_c + ZERO_CELSIUS_K;
        let warmth = kelvin / 293.15;
        let pressure = self.pressure_kpa / 101.325;
        let saturation = 10f64.powf(-6.8346 * (273.16 / kelvin).powf(1.261) + 4.6151);
        let water_pct = self.humidity_pct * saturation / pressure;
        let oxygen_hz = pressure * (24.0 + 4.04e4 * water_pct * (0.02 + water_pct) / (0.391 + water_pct));
        let nitrogen_hz =
            pressure / warmth.sqrt() * (9.0 + 280.0 * water_pct * (-4.170 * (warmth.powf(-1.0 / 3.0) - 1.0)).exp());
        let classical = 1.84e-11 / pressure * warmth.sqrt();
        let oxygen = 0.01275 * (-2239.1 / kelvin).exp() / (oxygen_hz + f2 / oxygen_hz);
        let nitrogen = 0.1068 * (-3352.0 / kelvin).exp() / (nitrogen_hz + f2 / nitrogen_hz);
        8.686 * f2 * (classical + warmth.powf(-2.5) * (oxygen + nitrogen))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speed_agrees_with_the_table_to_every_printed_digit() {
        let table = [
            (23.0, 50.0, 101.325, 0.0004, 345.866517),
            (20.0, 65.0, 80.0, 0.0004, 344.382665),
            (20.0, 0.0, 101.325, 0.0004, 343.359467),
            (20.0, 50.0, 101.325, 0.0004, 343.986887),
            (22.0, 45.0, 101.325, 0.0004, 345.167438),
            (22.0, 45.0, 98.0, 0.0004, 345.187597),
            (22.0, 45.0, 101.325, 0.004, 344.845241),
            (18.0, 30.0, 101.325, 0.0004, 342.519237),
            (26.0, 70.0, 101.325, 0.0004, 348.124456),
        ];
        for (temperature_c, humidity_pct, pressure_kpa, co2, expected) in table {
            let speed = Air { temperature_c, pressure_kpa, humidity_pct }.speed_of_sound_m_s(co2);
            assert!((speed - expected).abs() <= 0.5e-6 + 1e-9, "{speed} {expected}");
        }
    }

    #[test]
    fn absorption_agrees_with_the_table_to_every_printed_digit() {
        let table = [
            (20.0, 50.0, 101.325, [0.524156, 1.318242, 1.979961, 2.606042, 3.280434]),
            (22.0, 45.0, 101.325, [0.535486, 1.359492, 2.046765, 2.689457, 3.374870]),
            (22.0, 45.0, 98.0, [0.535747, 1.369003, 2.071562, 2.732662, 3.439689]),
            (18.0, 30.0, 101.325, [0.564557, 0.952428, 1.325773, 1.793020, 2.376675]),
            (25.0, 70.0, 101.325, [0.359036, 1.225949, 2.285659, 3.360643, 4.416435]),
            (22.0, 45.0, 70.0, [0.544988, 1.479451, 2.353856, 3.230089, 4.195076]),
            (20.0, 0.001, 101.325, [0.065302, 0.257089, 0.576734, 1.024237, 1.599597]),
        ];
        for (temperature_c, humidity_pct, pressure_kpa, row) in table {
            for (k, expected) in row.into_iter().enumerate() {
                let air = Air { temperature_c, pressure_kpa, humidity_pct };
                let absorption = air.absorption_db_m(20e3 * (k + 1) as f64);
                assert!((absorption - expected).abs() <= 0.5e-6 + 1e-9, "{air:?} {absorption} {expected}");
            }
        }
    }
}
