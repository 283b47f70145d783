//! A table that names pictures and their classes.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::ImageDataset;
use crate::error::{Result, VisionError};
use crate::image::{Image, Mode};

/// Pictures listed in a CSV file with a header that names the columns `path` and `label`; paths are relative to the file.
///
/// Classes are the labels sorted, as text.
#[derive(Clone, Debug)]
pub struct Manifest {
    samples: Vec<(PathBuf, usize)>,
    classes: Vec<String>,
    mode: Mode,
}

impl Manifest {
    /// Reads the table; no picture is read.
    ///
    /// # Errors
    /// If the file cannot be read, a column is missing, a line has too few fields, or there are no lines.
    pub fn open(path: impl AsRef<Path>) -> Result<Manifest> {
        let path = path.as_ref();
        let root = path.parent().unwrap_or_else(|| Path::new(""));
        let file = File::open(path).map_err(VisionError::io("read", path))?;
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(file);
        let fault = |error: csv::Error| {
            let place = error.position().map_or("the table".into(), |p| format!("line {}", p.line()));
            VisionError::malformed(path, place, "comma-separated values", error.to_string().replace('\n', " "))
        };
        let headers = reader.headers().map_err(fault)?.clone();
        let column = |name: &str| {
            headers.iter().position(|header| header.eq_ignore_ascii_case(name)).ok_or_else(|| {
                let found = headers.iter().collect::<Vec<_>>().join(", ");
                VisionError::malformed(path, "line 1", format!("a column {name}"), found)
            })
        };
        let (path_column, label_column) = (column("path")?, column("label")?);
        let mut rows = Vec::new();
        for record in reader.records() {
            let record = record.map_err(fault)?;
            let line = record.position().map_or(0, csv::Position::line);
            let (file, label) = (&record[path_column], &record[label_column]);
            if file.is_empty() || label.is_empty() {
                return Err(VisionError::malformed(
                    path,
                    format!("line {line}"),
                    "a path and a label",
                    "an empty field",
                ));
            }
            rows.push((root.join(file), label.to_string()));
        }
        if rows.is_empty() {
            return Err(VisionError::Empty { path: path.into(), hint: "the table has no lines after its header" });
        }
        let mut classes: Vec<String> = rows.iter().map(|(_, label)| label.clone()).collect();
        classes.sort();
        classes.dedup();
        let number = |label: &String| classes.binary_search(label).unwrap_or_else(|place| place);
        let samples = rows.iter().map(|(file, label)| (file.clone(), number(label))).collect();
        Ok(Manifest { samples, classes, mode: Mode::RGB })
    }

    /// Converts pictures to another mode than RGB.
    pub fn with_mode(mut self, mode: Mode) -> Manifest {
        self.mode = mode;
        self
    }

    /// The files and the numbers of their classes.
    pub fn samples(&self) -> &[(PathBuf, usize)] {
        &self.samples
    }
}

impl ImageDataset for Manifest {
    fn len(&self) -> usize {
        self.samples.len()
    }

    fn image(&self, index: usize) -> Result<(Image, usize)> {
        let (path, class) = self.samples.get(index).ok_or(VisionError::OutOfRange { index, len: self.len() })?;
        Ok((Image::open(path)?.convert(self.mode), *class))
    }

    fn class(&self, index: usize) -> Result<usize> {
        self.samples.get(index).map(|s| s.1).ok_or(VisionError::OutOfRange { index, len: self.len() })
    }

    fn classes(&self) -> &[String] {
        &self.classes
    }
}
