//! Whether a text is what it was, but for the rounding of the numbers in it.

/// Compares word by word; numbers may differ by `digits` of the last printed digit, or by `share` of themselves.
pub fn same_text(a: &str, b: &str, digits: f64, share: f64) -> Result<(), String> {
    let (x, y): (Vec<_>, Vec<_>) = (tokens(a), tokens(b));
    if x.len() != y.len() {
        return Err(format!("{} words became {}", x.len(), y.len()));
    }
    for (v, w) in x.iter().zip(&y) {
        let close = match (v.parse::<f64>(), w.parse::<f64>()) {
            (Ok(p), Ok(q)) => {
                let decimals = v.split_once('.').map_or(0, |(_, d)| d.len() as i32);
                // Half a digit more, for the rounding of the decimal numbers themselves.
                (p - q).abs() <= (1.5 * digits * 10f64.powi(-decimals)).max(share * p.abs())
                    && (decimals > 0 || p == q || p.abs() >= 100.0)
            }
            _ => v == w,
        };
        if !close {
            return Err(format!("'{v}' became '{w}'"));
        }
    }
    Ok(())
}

/// Words, numbers and marks of a text.
pub fn tokens(text: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let number = |c: char| c.is_ascii_digit() || c == '.';
        let word = |c: char| c.is_alphabetic();
        let length = if first.is_ascii_digit() {
            // A full stop that ends a sentence is no part of the number before it.
            let run = &rest[..rest.find(|c| !number(c)).unwrap_or(rest.len())];
            run.split("..").next().map_or(run.len(), |lone| lone.trim_end_matches('.').len())
        } else if word(first) {
            rest.find(|c| !word(c)).unwrap_or(rest.len())
        } else {
            first.len_utf8()
        };
        tokens.push(&rest[..length]);
        rest = &rest[length..];
    }
    tokens
}
