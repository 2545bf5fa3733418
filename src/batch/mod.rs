//! Many captures of one site: each located once, its result in a folder of its own, one row a capture for the whole.
//!
//! A capture is recognised by what is in it and how it was asked about, never by its name. Its row is written last, so that a
//! folder with a row is finished, whatever killed the program; the tables are made from the rows alone.

mod inputs;
mod key;
mod row;
mod run;
mod tables;

pub use inputs::{Input, Settling, inputs};
pub use row::{LeakRow, Row, Status};
pub use run::{Batch, Finished};
pub use tables::{csv, jsonl};
