//! How the process ends. Scripts and supervisors decide by these numbers, so they never change.

/// The process's exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All went well.
    Ok = 0,
    /// What was asked for could not be done.
    Failure = 1,
    /// The command line or a setting is wrong; nothing was done.
    Usage = 2,
    /// The log can't be written any more. Everything acknowledged is on disk; start again once the cause is gone.
    LogFailed = 3,
    /// Another process holds the data directory.
    DataInUse = 4,
    /// The log is damaged or not Gavel's, and was refused. Nothing in it was changed.
    LogRefused = 5,
    /// Gavel itself has a defect and has stopped before it could do harm. Everything acknowledged is on disk.
    Defect = 6,
    /// The server has refused the command, by the rules or because something in it is wrong. It says why; nothing was done.
    Refused = 7,
    /// The server can't be reached, or takes nothing now. Nothing was done; try again.
    Unavailable = 8,
    /// The command was sent and not answered. Whether it was carried out is unknown.
    Unknown = 9,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// The part of the help that lists them.
pub(crate) const EXIT_CODES_HELP: &str = "\
Exit codes:
  0  all went well
  1  what was asked for could not be done
  2  the command line or a setting is wrong; nothing was done
  3  the log can't be written any more (a failing or full disk); everything acknowledged is on disk
  4  another process holds the data directory
  5  the log is damaged or not Gavel's, and was refused; nothing in it was changed
  6  a defect of Gavel itself stopped it; everything acknowledged is on disk
  7  the server refused the command (stderr has the code and the words); nothing was done
  8  the server can't be reached, or takes nothing now (BUSY, LOADING); nothing was done, try again
  9  the server gave no answer; whether it was done is unknown";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_lists_every_code() {
        let all = [
            Exit::Ok,
            Exit::Failure,
            Exit::Usage,
            Exit::LogFailed,
            Exit::DataInUse,
            Exit::LogRefused,
            Exit::Defect,
            Exit::Refused,
            Exit::Unavailable,
            Exit::Unknown,
        ];
        let listed: Vec<String> = EXIT_CODES_HELP.lines().skip(1).map(|line| line[2..3].to_owned()).collect();
        assert_eq!(listed, all.map(|exit| (exit as u8).to_string()));
    }
}
