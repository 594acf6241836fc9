//! Why a message is refused.

use nines_model::Cause;

/// One refusal: what the peer is told and where the rule stands. After it the connection cannot be used any more,
/// because nobody knows where the next message would begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{detail} ({section})")]
pub struct Reject {
    pub cause: Cause,
    pub status: u16,
    pub detail: &'static str,
    pub section: &'static str,
}

impl Reject {
    #[cold]
    pub(super) const fn bad(detail: &'static str, section: &'static str) -> Self {
        Reject::status(400, detail, section)
    }

    #[cold]
    pub(super) const fn status(status: u16, detail: &'static str, section: &'static str) -> Self {
        Reject {
            cause: Cause::BadRequest,
            status,
            detail,
            section,
        }
    }

    #[cold]
    pub(super) const fn too_large(status: u16, detail: &'static str, section: &'static str) -> Self {
        Reject {
            cause: Cause::HeadTooLarge,
            status,
            detail,
            section,
        }
    }

    /// The same fault in what an upstream sent.
    #[cold]
    pub(super) const fn upstream(self) -> Self {
        Reject {
            cause: Cause::UpstreamProtocol,
            status: 502,
            ..self
        }
    }
}
