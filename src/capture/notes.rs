//! What the recorder wrote beside the sound: broadcast extension, iXML track names, GUANO.

/// What the recorder wrote beside the sound.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Notes {
    /// First sample since midnight, by the broadcast extension.
    pub time_reference_samples: Option<u64>,
    /// When the recording began, as the recorder wrote it.
    pub started: Option<String>,
    /// What recorded it.
    pub recorder: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// Channel from 1, and its name.
    pub track_names: Vec<(usize, String)>,
    /// Samples per second at which the sound was sampled, where the header's rate is slowed down for listening.
    pub sample_rate_hz: Option<f64>,
    /// How many times slower than it was the file plays.
    pub time_expansion: Option<f64>,
    /// Air temperature by the recorder's outer thermometer.
    pub temperature_c: Option<f64>,
    /// Relative humidity of the air.
    pub humidity_pct: Option<f64>,
}

impl Notes {
    /// Reads the chunks that a container keeps; what cannot be understood is left out, for it is no obstacle.
    pub(super) fn read(chunks: &[([u8; 4], Vec<u8>)]) -> Self {
        let mut notes = Self::default();
        for (name, bytes) in chunks {
            match name {
                b"bext" => notes.add_broadcast(bytes),
                b"iXML" => notes.add_tracks(bytes),
                b"guan" => notes.add_guano(bytes),
                _ => {}
            }
        }
        notes
    }

    /// EBU Tech 3285: fixed fields of text, then the time reference.
    fn add_broadcast(&mut self, bytes: &[u8]) {
        let text = |from: usize, to: usize| {
            let field = bytes.get(from..to)?;
            let field = field.split(|byte| *byte == 0).next().unwrap_or_default();
            let text = String::from_utf8_lossy(field).trim().to_owned();
            (!text.is_empty()).then_some(text)
        };
        let reference = bytes.get(338..346).and_then(|b| b.try_into().ok()).map(u64::from_le_bytes);
        self.time_reference_samples = reference.filter(|samples| *samples > 0);
        self.description = self.description.take().or(text(0, 256));
        self.recorder = self.recorder.take().or(text(256, 288));
        if let (Some(date), Some(time)) = (text(320, 330), text(330, 338)) {
            let [date, time] = [(date, "-"), (time, ":")].map(|(t, by)| t.replace(|c: char| !c.is_ascii_digit(), by));
            self.started = self.started.take().or(Some(format!("{date}T{time}")));
        }
    }

    fn add_tracks(&mut self, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        let Ok(document) = roxmltree::Document::parse(text.trim_matches(['\0', '\u{feff}', ' ', '\n', '\r'])) else {
            return;
        };
        for track in document.descendants().filter(|node| node.has_tag_name("TRACK")) {
            let of = |name: &str| {
                let text = track.children().find(|node| node.has_tag_name(name)).and_then(|node| node.text());
                text.map(str::trim).filter(|text| !text.is_empty())
            };
            // Interleaved files count in INTERLEAVE_INDEX, recorders' inputs in CHANNEL_INDEX.
            let index = of("INTERLEAVE_INDEX").or(of("CHANNEL_INDEX")).and_then(|text| text.parse().ok());
            if let (Some(index), Some(name)) = (index, of("NAME")) {
                self.track_names.push((index, name.to_owned()));
            }
        }
        self.track_names.sort();
    }

    /// GUANO 1.0: UTF-8, a key and a value a line.
    fn add_guano(&mut self, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        let mut made = [None, None];
        for line in text.lines() {
            let Some((key, value)) = line.split_once(':') else { continue };
            let value = value.trim().trim_matches('\0');
            let number = || value.parse::<f64>().ok().filter(|x| x.is_finite());
            match key.trim() {
                "Timestamp" => self.started = Some(value.to_owned()),
                "Samplerate" => self.sample_rate_hz = number().filter(|hz| *hz > 0.0),
                "TE" => self.time_expansion = number().filter(|times| *times > 0.0),
                "Temperature Ext" => self.temperature_c = number().filter(|c| (-60.0..=80.0).contains(c)),
                "Humidity" => self.humidity_pct = number().filter(|pct| (0.0..=100.0).contains(pct)),
                "Make" => made[0] = Some(value.to_owned()),
                "Model" => made[1] = Some(value.to_owned()),
                "Note" if !value.is_empty() => self.description = Some(value.to_owned()),
                _ => {}
            }
        }
        let made: Vec<String> = made.into_iter().flatten().filter(|part| !part.is_empty()).collect();
        if !made.is_empty() {
            self.recorder = Some(made.join(" "));
        }
    }

    /// The rate at which the sound was sampled, where the notes say that it is not the header's.
    pub(super) fn true_rate_hz(&self, header_hz: u32) -> Option<u32> {
        let by_expansion = self.time_expansion.map(|times| f64::from(header_hz) * times);
        let rate_hz = self.sample_rate_hz.or(by_expansion)?.round();
        (rate_hz >= 1.0 && rate_hz <= f64::from(u32::MAX) && rate_hz != f64::from(header_hz)).then_some(rate_hz as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_broadcast_extension_tells_when_and_what() {
        let mut bytes = vec![0; 602];
        bytes[..9].copy_from_slice(b"hatch C, ");
        bytes[256..263].copy_from_slice(b"MixPre6");
        bytes[320..338].copy_from_slice(b"2026-11-2310:20:30");
        bytes[338..346].copy_from_slice(&7_200_000_123u64.to_le_bytes());
        let notes = Notes::read(&[(*b"bext", bytes)]);
        assert_eq!(notes.time_reference_samples, Some(7_200_000_123));
        assert_eq!(notes.started.as_deref(), Some("2026-11-23T10:20:30"));
        assert_eq!((notes.recorder.as_deref(), notes.description.as_deref()), (Some("MixPre6"), Some("hatch C,")));
        assert_eq!(Notes::read(&[(*b"bext", vec![1; 5])]).started, None);
    }

    #[test]
    fn tracks_have_names() {
        let xml = b"<?xml version=\"1.0\"?><BWFXML><TRACK_LIST><TRACK><CHANNEL_INDEX>2</CHANNEL_INDEX><NAME>aft</NAME>\
            </TRACK><TRACK><CHANNEL_INDEX>7</CHANNEL_INDEX><INTERLEAVE_INDEX>1</INTERLEAVE_INDEX><NAME>fore</NAME></TRACK>\
            </TRACK_LIST></BWFXML>\0";
        let notes = Notes::read(&[(*b"iXML", xml.to_vec())]);
        assert_eq!(notes.track_names, [(1, "fore".to_owned()), (2, "aft".to_owned())]);
        assert!(Notes::read(&[(*b"iXML", b"<BWFXML><TRACK>".to_vec())]).track_names.is_empty());
    }

    #[test]
    fn guano_tells_the_air_and_the_true_rate() {
        let text = "GUANO|Version: 1.0\nTE: 10\nSamplerate: 384000\nTemperature Ext: 21.5\nHumidity: 44\nMake: Acme\n\
                    Model: B7\nTimestamp: 2026-11-23T10:20:30+01:00\nLoc Position: 1 2\nnonsense\nTemperature Int: 40\0";
        let notes = Notes::read(&[(*b"guan", text.as_bytes().to_vec())]);
        assert_eq!((notes.temperature_c, notes.humidity_pct), (Some(21.5), Some(44.0)));
        assert_eq!(notes.true_rate_hz(38_400), Some(384_000));
        assert_eq!(notes.true_rate_hz(384_000), None);
        assert_eq!(notes.recorder.as_deref(), Some("Acme B7"));
        assert_eq!(notes.started.as_deref(), Some("2026-11-23T10:20:30+01:00"));
        let only = Notes::read(&[(*b"guan", b"TE:10".to_vec())]);
        assert_eq!(only.true_rate_hz(38_400), Some(384_000));
    }
}
