//! How a command ends: with an exit code and, if it failed, one clear error.

use std::process::ExitCode;

use nines_client::RestError;
use nines_model::problem::{self, Problem};
use nines_wire::rest::ErrorDetail;

/// Why a command did not do its work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// What was given cannot work: exit code 2.
    #[error("{0}")]
    Misuse(String),
    /// Mistakes in documents that were given: exit code 2.
    #[error("{}", problem::render(.0))]
    Broken(Vec<Problem>),
    /// The system says no: exit code 1.
    #[error("{0}")]
    Refused(String),
}

impl Failure {
    pub(crate) fn code(&self) -> u8 {
        match self {
            Failure::Misuse(_) | Failure::Broken(_) => 2,
            Failure::Refused(_) => 1,
        }
    }
}

impl From<RestError> for Failure {
    fn from(error: RestError) -> Self {
        match error {
            RestError::BadUrl { .. } => Failure::Misuse(error.to_string()),
            RestError::Refused(detail) => Failure::Refused(refusal(&detail)),
            RestError::Unreachable { .. } | RestError::Foreign { .. } => Failure::Refused(error.to_string()),
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Failure::Refused(format!("cannot write the output: {error}"))
    }
}

/// All that the control plane found wrong, one mistake a line.
fn refusal(detail: &ErrorDetail) -> String {
    if !detail.problems.is_empty() {
        let problems: Vec<Problem> = detail.problems.iter().map(problem_of).collect();
        return problem::render(&problems);
    }
    match &detail.path {
        Some(path) if !detail.message.contains(path.as_str()) => format!("{path}: {}", detail.message),
        _ => detail.message.clone(),
    }
}

pub(crate) fn problem_of(view: &nines_wire::rest::ProblemView) -> Problem {
    Problem {
        source: view.source.clone(),
        line: view.line,
        column: view.column,
        path: view.path.clone(),
        message: view.message.clone(),
    }
}

/// Says the error on standard error, each line marked, and gives the exit code.
#[expect(clippy::print_stderr, reason = "this is where commands say why they failed")]
pub(crate) fn report(result: Result<(), Failure>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            for line in failure.to_string().lines() {
                eprintln!("error: {line}");
            }
            ExitCode::from(failure.code())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(error: RestError, code: u8, text: &str) {
        let failure = Failure::from(error);
        assert_eq!((failure.code(), failure.to_string().as_str()), (code, text));
    }

    fn detail(message: &str, path: Option<&str>) -> ErrorDetail {
        ErrorDetail {
            kind: "not_found".into(),
            message: message.into(),
            path: path.map(Into::into),
            problems: Vec::new(),
        }
    }

    #[test]
    fn a_refusal_names_the_field_once() {
        check(RestError::Refused(detail("no item `a`", None)), 1, "no item `a`");
        check(
            RestError::Refused(detail("is too long", Some("note"))),
            1,
            "note: is too long",
        );
        check(
            RestError::Refused(detail("port 0 is none", Some("port"))),
            1,
            "port 0 is none",
        );
    }

    #[test]
    fn all_problems_are_told() {
        let mut detail = detail("2 problems", None);
        for line in [3, 9] {
            detail.problems.push(nines_wire::rest::ProblemView::from(&Problem {
                line: Some(line),
                column: Some(1),
                ..Problem::new("spec.port", "is missing")
            }));
        }
        let text = "line 3 column 1: spec.port: is missing\nline 9 column 1: spec.port: is missing";
        check(RestError::Refused(detail), 1, text);
    }

    #[test]
    fn a_bad_address_is_wrong_use() {
        let bad = RestError::BadUrl {
            url: "x".into(),
            reason: "no scheme".into(),
        };
        assert_eq!(Failure::from(bad).code(), 2);
    }
}
