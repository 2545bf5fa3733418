//! All rows as one table, for spreadsheets and for programs.

use super::row::Row;

const HEADINGS: [&str; 25] = [
    "capture",
    "status",
    "verdict",
    "leaks",
    "x_m",
    "y_m",
    "z_m",
    "wall",
    "u_m",
    "v_m",
    "semi_major_m",
    "semi_minor_m",
    "angle_deg",
    "false_alarm_probability",
    "snr_db",
    "level_db",
    "band_low_hz",
    "band_high_hz",
    "started",
    "duration_s",
    "chance",
    "warnings",
    "error",
    "folder",
    "key",
];

/// One line a capture with its strongest leak, and a line of headings.
pub fn csv(rows: &[Row]) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(HEADINGS).expect("memory takes everything");
    for row in rows {
        writer.write_record(fields(row)).expect("memory takes everything");
    }
    writer.into_inner().expect("memory takes everything")
}

fn fields(row: &Row) -> [String; 25] {
    let number = |x: Option<f64>| x.map(|x| x.to_string()).unwrap_or_default();
    let word = |x: &Option<String>| x.clone().unwrap_or_default();
    let status = match row.status {
        super::Status::Done => "done",
        super::Status::Failed => "failed",
    };
    let leak = row.leaks.first();
    let of = |value: fn(&super::row::LeakRow) -> Option<f64>| number(leak.and_then(value));
    [
        row.captures.join(";"),
        status.to_owned(),
        word(&row.verdict),
        if row.verdict.is_some() { row.leaks.len().to_string() } else { String::new() },
        of(|leak| Some(leak.position_m[0])),
        of(|leak| Some(leak.position_m[1])),
        of(|leak| Some(leak.position_m[2])),
        leak.map(|leak| leak.wall.clone()).unwrap_or_default(),
        of(|leak| leak.u_m),
        of(|leak| leak.v_m),
        of(|leak| Some(leak.semi_major_m)),
        of(|leak| Some(leak.semi_minor_m)),
        of(|leak| Some(leak.angle_deg)),
        of(|leak| leak.false_alarm_probability),
        of(|leak| leak.snr_db),
        of(|leak| leak.level_db),
        number(row.band_hz.map(|band| band[0])),
        number(row.band_hz.map(|band| band[1])),
        word(&row.started),
        number(row.duration_s),
        number(row.chance),
        row.warnings.join("; "),
        word(&row.error),
        word(&row.folder),
        word(&row.key),
    ]
}

/// One JSON object a line, all leaks in it.
pub fn jsonl(rows: &[Row]) -> String {
    rows.iter().map(|row| serde_json::to_string(row).expect("only string keys are used") + "\n").collect()
}
