//! Requests and results that say nothing of themselves.

use std::error::Error as StdError;

use super::{Inspect, describe_error, observe_error};
use crate::Observed;
use crate::deadline::{self, Deadline};

/// `Ok` is a success and `Err` a failure, of which nothing says that the request was not sent; a request is repeated by
/// cloning it. The deadline is the tokio task's
/// ([`deadline::scope`]).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Plain {
    /// Whether making a call twice has the effect of making it once. Not unless you say so.
    pub idempotent: bool,
}

impl Plain {
    /// Calls that may be made twice.
    pub const IDEMPOTENT: Self = Self { idempotent: true };
}

impl<Req, Res, Err> Inspect<Req, Res, Err> for Plain
where
    Req: Clone,
    Err: StdError + 'static,
{
    fn deadline(&self, _request: &Req) -> Option<Deadline> {
        deadline::current()
    }

    fn idempotent(&self, _request: &Req) -> bool {
        self.idempotent
    }

    fn copy(&self, request: &Req) -> Option<Req> {
        Some(request.clone())
    }

    fn observe(&self, result: &Result<Res, Err>) -> Observed {
        match result {
            Ok(_) => Observed::SUCCESS,
            Err(error) => observe_error(error, |_| false),
        }
    }

    fn describe(&self, result: &Result<Res, Err>) -> String {
        match result {
            Ok(_) => String::new(),
            Err(error) => describe_error(error),
        }
    }
}
