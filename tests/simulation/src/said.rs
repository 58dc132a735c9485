//! What a client was told, as the model sees it.

use anyhow::{Result, bail};
use siegel_client::{Code, Error};

/// An answer, or none.
#[derive(Debug)]
pub enum Said<T> {
    /// It is done.
    Done(T),
    /// It is refused, with this code: nothing was done.
    Refused(String),
    /// Nobody knows: the line broke, or the process died.
    Unknown,
}

impl<T> Said<T> {
    /// From the SDK's result; none if the client died with the process. No answer at all is a failure unless the story
    /// broke the line, and so is an error inside the platform, whatever the zones do.
    pub fn from(result: Option<siegel_client::Result<T>>, may_break: bool) -> Result<Self> {
        match result {
            None => Ok(Self::Unknown),
            Some(Ok(value)) => Ok(Self::Done(value)),
            Some(Err(Error::Refused(problem))) if problem.code == Code::Internal => {
                bail!("expected: no error inside the platform; seen: {problem}")
            }
            Some(Err(Error::Refused(problem))) if problem.code == Code::OverCapacity => {
                bail!("expected: room for one client; seen: {problem:?}")
            }
            Some(Err(Error::Refused(problem))) => Ok(Self::Refused(problem.code_text)),
            Some(Err(Error::Unreachable(_))) if may_break => Ok(Self::Unknown),
            Some(Err(error)) => bail!("expected: an answer; seen: {error}"),
        }
    }

    /// For the log.
    pub fn word(&self) -> String {
        match self {
            Self::Done(_) => "done".to_owned(),
            Self::Refused(code) => format!("refused: {code}"),
            Self::Unknown => "no answer".to_owned(),
        }
    }
}
