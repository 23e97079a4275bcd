//! The errors of this process, and the codes under which the other side sees them.

use std::fmt::Display;

/// What can go wrong. `code` is part of the line protocol.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    #[error("{0}")]
    Invalid(String),
    #[error("{0}")]
    NotFound(String),
    #[error("{0}")]
    TooLarge(String),
    #[error("{0}")]
    Unavailable(String),
    #[error("this program speaks version {ours} of the protocol, not {theirs}")]
    Version { ours: u32, theirs: u32 },
    #[error("{what}: {cause}")]
    Internal { what: &'static str, cause: String },
}

pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// The code of the error in an answer.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "invalid",
            Self::NotFound(_) => "not_found",
            Self::TooLarge(_) => "too_large",
            Self::Unavailable(_) => "unavailable",
            Self::Version { .. } => "version",
            Self::Internal { .. } => "internal",
        }
    }

    pub fn invalid(message: impl Display) -> Self {
        Self::Invalid(message.to_string())
    }
}

/// Says what failed when something below did.
pub trait Context<T> {
    fn context(self, what: &'static str) -> Result<T>;
}

impl<T, E: Display> Context<T> for std::result::Result<T, E> {
    fn context(self, what: &'static str) -> Result<T> {
        // The alternate form of the libraries' errors includes their causes.
        self.map_err(|err| Error::Internal { what, cause: format!("{err:#}") })
    }
}
