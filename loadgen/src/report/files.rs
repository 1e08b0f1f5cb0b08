//! Reports on disk: a directory with one file for each form, and reading them back.

use super::{FORMAT, Report};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The name of the JSON in a report's directory.
pub const JSON: &str = "report.json";
/// Larger files are no reports: ten thousand points are some 10 MB, and there are as many again in repeats.
const BYTES_MAX: u64 = 256 << 20;

/// A report that can't be written or read.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// A file can't be written.
    #[error("{} can't be written: {error}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A file can't be read.
    #[error("{} can't be read: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A file is not a report.
    #[error("{} is no report of a run: {why} (allowed: a report.json that loadgen wrote, or its directory)", path.display())]
    NotAReport {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A report of another version.
    #[error("{} is a report of format {found}; this loadgen reads format {FORMAT}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u64,
    },
}

impl Report {
    /// Writes report.json, report.txt, report.hlog and report.html to a directory, which is made where it is not there; existing
    /// files are replaced.
    ///
    /// # Errors
    /// Names the file that could not be written.
    pub fn write(&self, folder: &Path) -> Result<(), FileError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |error| FileError::Write { path, error }
        };
        fs::create_dir_all(folder).map_err(failed(folder))?;
        let log = self.hlog().map_err(failed(&folder.join("report.hlog")))?;
        let forms = [
            (JSON, self.json() + "\n"),
            ("report.txt", self.to_string()),
            ("report.hlog", log),
            ("report.html", self.html()),
        ];
        forms.into_iter().try_for_each(|(name, text)| {
            let path = folder.join(name);
            fs::write(&path, text).map_err(failed(&path))
        })
    }

    /// Reads a report from its JSON, or from the directory that holds it.
    ///
    /// # Errors
    /// When it can't be read, is no report, or is of another version.
    pub fn read(path: &Path) -> Result<Self, FileError> {
        let path = if path.is_dir() { path.join(JSON) } else { path.to_owned() };
        let failed = |error| FileError::Read { path: path.clone(), error };
        let not_a_report = |why: String| FileError::NotAReport { path: path.clone(), why };
        let bytes = fs::metadata(&path).map_err(failed)?.len();
        if bytes > BYTES_MAX {
            return Err(not_a_report(format!("it has {bytes} bytes")));
        }
        let text = fs::read_to_string(&path).map_err(failed)?;
        let json: serde_json::Value =
            serde_json::from_str(&text).map_err(|error| not_a_report(error.to_string()))?;
        match json["format"].as_u64() {
            Some(found) if found == u64::from(FORMAT) => {}
            Some(found) => return Err(FileError::Format { path, found }),
            None => return Err(not_a_report("it has no format".into())),
        }
        serde_json::from_value(json).map_err(|error| not_a_report(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back_by_file_and_by_directory() {
        let folder = tempfile::tempdir().unwrap();
        let report = Report { format: FORMAT, accepted: 7, ..Report::default() };
        report.write(&folder.path().join("new/one")).unwrap();
        for path in ["new/one", "new/one/report.json"] {
            assert_eq!(Report::read(&folder.path().join(path)).unwrap(), report);
        }
        for name in ["report.txt", "report.hlog", "report.html"] {
            assert!(folder.path().join("new/one").join(name).is_file(), "{name}");
        }
    }

    #[test]
    fn what_is_no_report_is_refused_with_its_reason_and_unknown_fields_are_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        for (text, part) in [
            ("{", "is no report of a run"),
            ("{}", "it has no format"),
            ("{\"format\": 2}", "of format 2; this loadgen reads format 1"),
            ("{\"format\": 1, \"settings\": 5}", "is no report of a run"),
        ] {
            fs::write(&path, text).unwrap();
            let error = Report::read(&path).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
        assert!(Report::read(&folder.path().join("none")).unwrap_err().to_string().contains("can't be read"));
        let mut json: serde_json::Value =
            serde_json::from_str(&Report { format: FORMAT, ..Report::default() }.json()).unwrap();
        json["later"] = true.into();
        fs::write(&path, json.to_string()).unwrap();
        assert_eq!(Report::read(&path).unwrap().format, FORMAT);
    }
}
