//! Why there is no port, in words that end with the command to type next.

use std::{error::Error as _, fmt, io};

use portlease::StartError;

/// No port was to be had. It displays with every cause and with the hint.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The daemon refused, or there is none.
    Client(portlease::Error),
    /// The runtime that asks it.
    Runtime(io::Error),
}

impl Error {
    /// What to type next.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        let Self::Client(error) = self else { return None };
        match error {
            portlease::Error::Refused(problem) => problem.hint.as_deref(),
            portlease::Error::NotRunning { .. } => Some("portlease daemon"),
            portlease::Error::Start(StartError::Program { .. }) => Some("cargo install portlease"),
            portlease::Error::Start(_) => Some("portlease doctor"),
            portlease::Error::NoHome => Some("set HOME or PORTLEASE_HOME"),
            _ => Some("portlease status"),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client(error) => {
                error.fmt(f)?;
                let mut source = error.source();
                while let Some(cause) = source {
                    write!(f, ": {cause}")?;
                    source = cause.source();
                }
            }
            Self::Runtime(error) => write!(f, "the request cannot be made: {error}")?,
        }
        self.hint().map_or(Ok(()), |hint| write!(f, "\nhint: {hint}"))
    }
}

impl std::error::Error for Error {}

impl From<portlease::Error> for Error {
    fn from(error: portlease::Error) -> Self {
        Self::Client(error)
    }
}
