//! Tables of a TOML file, taken key by key so that what is left over at the end is an error with a place.
//!
//! Serde would lose the line of a value that has the right type and the wrong size. Nesting is bounded by the TOML
//! reader itself (it refuses to recurse further, as a syntax error), length by [`MAX_BYTES`] and [`MAX_TABLES`].

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};
use toml::{Spanned, map::Map};

use crate::error::{Error, Result};

/// Largest file read: a site of 4096 sensors written out in full takes a tenth of it.
const MAX_BYTES: u64 = 4 << 20;
/// Most tables of one name, such as `[[sensor]]`.
const MAX_TABLES: usize = 4096;
/// How alike two keys must be (Jaro–Winkler) for one to be offered in place of the other: one slip in a short word.
const ALIKE: f64 = 0.75;

/// Longest complaint, characters: a few lines of a terminal, whatever stands in the file.
const LONGEST_COMPLAINT: usize = 400;

/// A parsed file that still knows where each value stood.
pub(crate) struct Document<'t> {
    file: &'t str,
    line_starts: Vec<usize>,
    root: Spanned<DeTable<'t>>,
}

/// One table, the keys taken from it so far remembered.
pub(crate) struct Table<'d> {
    file: &'d str,
    line_starts: &'d [usize],
    title: String,
    /// Offset of the table's header; absent for the whole file.
    start: Option<usize>,
    entries: &'d Map<Spanned<std::borrow::Cow<'d, str>>, Spanned<DeValue<'d>>>,
    known: Vec<&'static str>,
}

/// Text of a TOML file of sane length.
///
/// # Errors
/// [`Error::Io`] where it cannot be read, [`Error::Request`] where it is too long or not text.
pub(crate) fn read_text(path: &Path) -> Result<String> {
    let length = std::fs::metadata(path).map_err(|e| Error::io(path, e))?.len();
    let name = path.display();
    if length > MAX_BYTES {
        return Err(Error::request(format!("{name}: {length} bytes; a TOML file of at most {MAX_BYTES} is read")));
    }
    let bytes = std::fs::read(path).map_err(|e| Error::io(path, e))?;
    String::from_utf8(bytes).map_err(|_| {
        Error::request(format!("{name}: not UTF-8 text, so no TOML; name a site or scene file, or save it as UTF-8"))
    })
}

impl<'t> Document<'t> {
    /// Parses `text`; `file` is the name that errors give.
    pub(crate) fn parse(text: &'t str, file: &'t str) -> Result<Self> {
        if text.len() as u64 > MAX_BYTES {
            return Err(Error::request(format!("{file}: {} bytes; at most {MAX_BYTES} are read", text.len())));
        }
        let line_starts: Vec<usize> = std::iter::once(0).chain(text.match_indices('\n').map(|(i, _)| i + 1)).collect();
        let root = DeTable::parse(text).map_err(|e| {
            let line = line_of(&line_starts, e.span().map_or(0, |s| s.start));
            let what = e.message().lines().collect::<Vec<_>>().join(", ");
            Error::request(format!(
                "{file}:{line}: not valid TOML: {}; mend that line, or name another file",
                one_line(what)
            ))
        })?;
        Ok(Self { file, line_starts, root })
    }

    /// The top level of the file.
    pub(crate) fn root(&self) -> Table<'_> {
        Table {
            file: self.file,
            line_starts: &self.line_starts,
            title: "the file".into(),
            start: None,
            entries: self.root.get_ref(),
            known: Vec::new(),
        }
    }
}

/// A number as a person writes it: three hundred noughts say less than a power of ten.
fn told(number: f64) -> String {
    let plain = number == 0.0 || (1e-9..1e15).contains(&number.abs());
    if plain { number.to_string() } else { format!("{number:e}") }
}

/// A complaint that quotes the file, fit for a terminal: no line breaks or escape codes from there, and an end.
fn one_line(what: impl std::fmt::Display) -> String {
    let what = what.to_string();
    let mut line: String = what.chars().take(LONGEST_COMPLAINT).map(|c| if c.is_control() { '·' } else { c }).collect();
    if what.chars().nth(LONGEST_COMPLAINT).is_some() {
        line.push('…');
    }
    line
}

fn line_of(line_starts: &[usize], offset: usize) -> usize {
    line_starts.partition_point(|&start| start <= offset)
}

impl<'d> Table<'d> {
    /// An error about the whole table.
    pub(crate) fn error(&self, what: impl std::fmt::Display) -> Error {
        match self.start {
            Some(start) => self.error_at(start, format!("{}: {what}", self.title)),
            None => Error::request(format!("{}: {}", self.file, one_line(what))),
        }
    }

    /// An error about the value of `key`, or about the table where the key is absent.
    pub(crate) fn error_of(&self, key: &str, what: impl std::fmt::Display) -> Error {
        match self.entry(key) {
            Some((offset, _)) => self.error_at(offset, format!("{}: {what}", self.title)),
            None => self.error(what),
        }
    }

    fn error_at(&self, offset: usize, what: impl std::fmt::Display) -> Error {
        Error::request(format!("{}:{}: {}", self.file, line_of(self.line_starts, offset), one_line(what)))
    }

    fn entry(&self, key: &str) -> Option<(usize, &'d DeValue<'d>)> {
        let (name, value) = self.entries.iter().find(|(name, _)| name.get_ref() == key)?;
        Some((name.span().start, value.get_ref()))
    }

    /// Whether the table has this key, known or not.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.entry(key).is_some()
    }

    /// The path of `file` as given in this table: from the folder of the TOML file.
    pub(crate) fn beside(&self, file: &str) -> PathBuf {
        Path::new(self.file).parent().unwrap_or(Path::new("")).join(file)
    }

    fn take(&mut self, key: &'static str) -> Option<&'d DeValue<'d>> {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
        self.entry(key).map(|(_, value)| value)
    }

    fn missing(&self, key: &str, need: &str) -> Error {
        self.error(format!("'{key}' is missing{}; needed: {need}", self.nearest_leftover(key)))
    }

    /// Names a key of the table that looks like the missing one: the likelier error is a slip than an omission.
    fn nearest_leftover(&self, key: &str) -> String {
        let leftovers = self.entries.keys().map(|k| k.get_ref().as_ref()).filter(|k| !self.known.contains(k));
        nearest(key, leftovers).map_or(String::new(), |found| format!(" ('{found}' stands there)"))
    }

    fn wrong_type(&self, key: &str, value: &DeValue, need: &str) -> Error {
        self.error_of(key, format!("'{key}' is a TOML {}; needed: {need}", value.type_str()))
    }

    fn finite(&self, key: &str, value: &DeValue, need: &str) -> Result<f64> {
        let number = match value {
            DeValue::Float(float) => float.as_str().parse().ok(),
            DeValue::Integer(int) => i64::from_str_radix(int.as_str(), int.radix()).ok().map(|i| i as f64),
            _ => return Err(self.wrong_type(key, value, need)),
        };
        number
            .filter(|n: &f64| n.is_finite())
            .ok_or_else(|| self.error_of(key, format!("'{key}' holds a number that is not finite; needed: {need}")))
    }

    /// A number within `range`, if given.
    pub(crate) fn opt_f64(&mut self, key: &'static str, range: RangeInclusive<f64>) -> Result<Option<f64>> {
        let need = format!("a number within {}..{}", range.start(), range.end());
        let Some(value) = self.take(key) else { return Ok(None) };
        let number = self.finite(key, value, &need)?;
        if range.contains(&number) {
            return Ok(Some(number));
        }
        Err(self.error_of(key, format!("'{key}' is {}; needed: {need}", told(number))))
    }

    /// A number within `range`.
    pub(crate) fn f64(&mut self, key: &'static str, range: RangeInclusive<f64>) -> Result<f64> {
        let need = format!("a number within {}..{}", range.start(), range.end());
        self.opt_f64(key, range)?.ok_or_else(|| self.missing(key, &need))
    }

    /// A whole number within `range`, if given.
    pub(crate) fn opt_whole(&mut self, key: &'static str, range: RangeInclusive<u64>) -> Result<Option<u64>> {
        let need = format!("a whole number within {}..{}", range.start(), range.end());
        let Some(value) = self.take(key) else { return Ok(None) };
        let DeValue::Integer(int) = value else { return Err(self.wrong_type(key, value, &need)) };
        match u64::from_str_radix(int.as_str(), int.radix()) {
            Ok(number) if range.contains(&number) => Ok(Some(number)),
            _ => Err(self.error_of(key, format!("'{key}' is {int}; needed: {need}"))),
        }
    }

    /// A whole number within `range`.
    pub(crate) fn whole(&mut self, key: &'static str, range: RangeInclusive<u64>) -> Result<u64> {
        let need = format!("a whole number within {}..{}", range.start(), range.end());
        self.opt_whole(key, range)?.ok_or_else(|| self.missing(key, &need))
    }

    /// A list of numbers within `range`, if given.
    pub(crate) fn opt_list(&mut self, key: &'static str, range: RangeInclusive<f64>) -> Result<Option<Vec<f64>>> {
        let need = format!("a list of numbers within {}..{}", range.start(), range.end());
        let Some(value) = self.take(key) else { return Ok(None) };
        self.numbers_of(key, value, &range, &need).map(Some)
    }

    fn numbers_of(&self, key: &str, value: &DeValue, range: &RangeInclusive<f64>, need: &str) -> Result<Vec<f64>> {
        let array = value.as_array().ok_or_else(|| self.wrong_type(key, value, need))?;
        let numbers: Vec<f64> =
            array.iter().map(|item| self.finite(key, item.get_ref(), need)).collect::<Result<_>>()?;
        match numbers.iter().find(|n| !range.contains(n)) {
            Some(n) => Err(self.error_of(key, format!("'{key}' holds {}; needed: {need}", told(*n)))),
            None => Ok(numbers),
        }
    }

    /// `N` numbers within `range`, if given.
    pub(crate) fn opt_array<const N: usize>(
        &mut self,
        key: &'static str,
        range: RangeInclusive<f64>,
    ) -> Result<Option<[f64; N]>> {
        let need = format!("{N} numbers within {}..{} in brackets", range.start(), range.end());
        let Some(value) = self.take(key) else { return Ok(None) };
        let numbers = self.numbers_of(key, value, &range, &need)?;
        let count = numbers.len();
        numbers
            .try_into()
            .map(Some)
            .map_err(|_| self.error_of(key, format!("'{key}' holds {count} numbers; needed: {need}")))
    }

    /// `N` numbers within `range`.
    pub(crate) fn array<const N: usize>(&mut self, key: &'static str, range: RangeInclusive<f64>) -> Result<[f64; N]> {
        self.opt_array(key, range)?.ok_or_else(|| self.missing(key, &format!("{N} numbers in brackets")))
    }

    /// Two places of three coordinates within `range`, if given.
    pub(crate) fn opt_corners(
        &mut self,
        key: &'static str,
        range: RangeInclusive<f64>,
    ) -> Result<Option<[[f64; 3]; 2]>> {
        let need = "two places in brackets, [[x, y, z], [x, y, z]]";
        let Some(value) = self.take(key) else { return Ok(None) };
        let corners = value.as_array().ok_or_else(|| self.wrong_type(key, value, need))?;
        let places: Vec<[f64; 3]> = corners
            .iter()
            .filter_map(|corner| {
                self.numbers_of(key, corner.get_ref(), &range, need).map(|n| n.try_into().ok()).transpose()
            })
            .collect::<Result<_>>()?;
        let count = corners.len();
        match <[[f64; 3]; 2]>::try_from(places) {
            Ok(both) if count == 2 => Ok(Some(both)),
            _ => Err(self.error_of(key, format!("'{key}' is something else; needed: {need}"))),
        }
    }

    /// Text that is not blank, if given.
    pub(crate) fn opt_string(&mut self, key: &'static str) -> Result<Option<&'d str>> {
        let Some(value) = self.take(key) else { return Ok(None) };
        let text = value.as_str().ok_or_else(|| self.wrong_type(key, value, "text in quotes"))?;
        if text.trim().is_empty() {
            return Err(self.error_of(key, format!("'{key}' is empty; needed: text in quotes")));
        }
        Ok(Some(text))
    }

    /// Text that is not blank.
    pub(crate) fn string(&mut self, key: &'static str) -> Result<&'d str> {
        self.opt_string(key)?.ok_or_else(|| self.missing(key, "text in quotes"))
    }

    /// A list of texts; empty where absent.
    pub(crate) fn strings(&mut self, key: &'static str) -> Result<Vec<&'d str>> {
        let need = "a list of texts in quotes";
        let Some(value) = self.take(key) else { return Ok(Vec::new()) };
        let array = value.as_array().ok_or_else(|| self.wrong_type(key, value, need))?;
        array.iter().map(|v| v.get_ref().as_str().ok_or_else(|| self.wrong_type(key, v.get_ref(), need))).collect()
    }

    /// One of `words`, if given.
    pub(crate) fn opt_choice(&mut self, key: &'static str, words: &[&'static str]) -> Result<Option<&'static str>> {
        let Some(word) = self.opt_string(key)? else { return Ok(None) };
        if let Some(found) = words.iter().find(|w| **w == word) {
            return Ok(Some(found));
        }
        let hint = nearest(word, words.iter().copied()).map_or(String::new(), |n| format!("did you mean '{n}'? "));
        Err(self.error_of(key, format!("'{key}' is '{word}'; {hint}known: {}", words.join(", "))))
    }

    /// One of `words`.
    pub(crate) fn choice(&mut self, key: &'static str, words: &[&'static str]) -> Result<&'static str> {
        self.opt_choice(key, words)?.ok_or_else(|| self.missing(key, &format!("one of {}", words.join(", "))))
    }

    /// `true` or `false`; `false` where absent.
    pub(crate) fn flag(&mut self, key: &'static str) -> Result<bool> {
        let Some(value) = self.take(key) else { return Ok(false) };
        value.as_bool().ok_or_else(|| self.wrong_type(key, value, "true or false"))
    }

    /// A table under `key`, if given.
    pub(crate) fn opt_table(&mut self, key: &'static str) -> Result<Option<Table<'d>>> {
        let Some(value) = self.take(key) else { return Ok(None) };
        let entries = value.as_table().ok_or_else(|| self.wrong_type(key, value, &format!("a table, [{key}]")))?;
        let start = self.entry(key).map(|(offset, _)| offset);
        Ok(Some(self.below(format!("[{key}]"), start, entries)))
    }

    /// A table under `key`.
    pub(crate) fn table(&mut self, key: &'static str) -> Result<Table<'d>> {
        self.opt_table(key)?.ok_or_else(|| self.missing(key, &format!("a table, [{key}]")))
    }

    /// The tables `[[key]]`; none where absent.
    pub(crate) fn tables(&mut self, key: &'static str) -> Result<Vec<Table<'d>>> {
        let need = format!("tables, each [[{key}]]");
        let Some(value) = self.take(key) else { return Ok(Vec::new()) };
        let array = value.as_array().ok_or_else(|| self.wrong_type(key, value, &need))?;
        if array.len() > MAX_TABLES {
            let count = array.len();
            return Err(self.error_of(key, format!("{count} of [[{key}]]; at most {MAX_TABLES} are read")));
        }
        array
            .iter()
            .map(|item| match item.get_ref() {
                DeValue::Table(entries) => Ok(self.below(format!("[[{key}]]"), Some(item.span().start), entries)),
                other => Err(self.wrong_type(key, other, &need)),
            })
            .collect()
    }

    fn below(&self, title: String, start: Option<usize>, entries: &'d DeTable<'d>) -> Table<'d> {
        Table { file: self.file, line_starts: self.line_starts, title, start, entries, known: Vec::new() }
    }

    /// Ends the reading of this table.
    ///
    /// # Errors
    /// [`Error::Request`] about the first key that nobody took, naming the nearest one that could be.
    pub(crate) fn finish(self) -> Result<()> {
        let leftover = self.entries.keys().filter(|k| !self.known.contains(&k.get_ref().as_ref()));
        let Some(key) = leftover.min_by_key(|k| k.span().start) else { return Ok(()) };
        let hint = closest(key.get_ref(), self.known.iter().copied())
            .map_or(String::new(), |(_, found)| format!("; did you mean '{found}'?"));
        Err(self.error_at(key.span().start, format!("{}: unknown key '{}'{hint}", self.title, key.get_ref())))
    }
}

/// The likeliest word meant by `written`, if any is alike.
pub(crate) fn nearest<'w>(written: &str, words: impl Iterator<Item = &'w str>) -> Option<&'w str> {
    closest(written, words).filter(|(alike, _)| *alike >= ALIKE).map(|(_, word)| word)
}

fn closest<'w>(written: &str, words: impl Iterator<Item = &'w str>) -> Option<(f64, &'w str)> {
    words.map(|word| (strsim::jaro_winkler(written, word), word)).max_by(|a, b| a.0.total_cmp(&b.0))
}
