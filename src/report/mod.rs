//! What an analysis tells people and programs: a summary in words, `result.json`, and pictures of the evidence.
//!
//! Everything here reads a [`Site`] and an [`Outcome`], or an [`Inspection`], and decides nothing. Only pictures are written from here.
//!
//! [`Site`]: crate::site::Site
//! [`Outcome`]: crate::locate::Outcome
//! [`Inspection`]: crate::inspect::Inspection

mod calibration;
mod comparison;
mod contour;
mod dispersion;
mod export;
mod geojson;
mod inspection;
mod json;
mod listening_records;
mod page;
mod planning;
mod plots;
mod records;
mod regions;
mod speed;
mod text;
mod words;

pub use calibration::{calibration_json, calibration_text};
pub use comparison::{Change, Comparison, Finding, map_json};
pub use dispersion::{dispersion_csv, dispersion_table};
pub use export::{map_csv, map_vtp};
pub use geojson::map_geojson;
pub use inspection::{Inspected, inspection_json, inspection_text};
pub use json::result_json;
pub use page::report_html;
pub use planning::{plan_csv, plan_json, plan_text};
pub use plots::{
    Plots, plot_png, write_batch_plot, write_calibration_plot, write_comparison_plot, write_dispersion_plot,
    write_inspection_plots, write_plan_plot, write_plots, write_speed_plots,
};
pub use speed::{Speed, speed_json, speed_text};
pub use text::summary;
