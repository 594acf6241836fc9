//! Kinds of failure as HTTP and gRPC statuses: one function each.

use http::StatusCode;
use nines_base::Kind;
use tonic::{Code, Status};

/// The HTTP status (RFC 9110 section 15).
pub fn http(kind: Kind) -> StatusCode {
    match kind {
        Kind::InvalidArgument => StatusCode::BAD_REQUEST,
        Kind::NotFound => StatusCode::NOT_FOUND,
        Kind::AlreadyExists | Kind::Conflict => StatusCode::CONFLICT,
        Kind::FailedPrecondition => StatusCode::PRECONDITION_FAILED,
        Kind::Compacted => StatusCode::GONE,
        Kind::PermissionDenied => StatusCode::FORBIDDEN,
        Kind::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        Kind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Kind::DeadlineExceeded | Kind::UnknownOutcome => StatusCode::GATEWAY_TIMEOUT,
        Kind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The gRPC code (grpc.github.io/grpc/core/md_doc_statuscodes.html).
pub fn grpc(kind: Kind) -> Code {
    match kind {
        Kind::InvalidArgument => Code::InvalidArgument,
        Kind::NotFound => Code::NotFound,
        Kind::AlreadyExists => Code::AlreadyExists,
        Kind::Conflict => Code::Aborted,
        Kind::FailedPrecondition => Code::FailedPrecondition,
        Kind::Compacted => Code::OutOfRange,
        Kind::PermissionDenied => Code::PermissionDenied,
        Kind::ResourceExhausted => Code::ResourceExhausted,
        Kind::Unavailable => Code::Unavailable,
        Kind::DeadlineExceeded => Code::DeadlineExceeded,
        Kind::UnknownOutcome => Code::Unknown,
        Kind::Internal => Code::Internal,
    }
}

/// A gRPC status with a message.
pub fn status(kind: Kind, message: impl std::fmt::Display) -> Status {
    Status::new(grpc(kind), message.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_caller_did_wrong_is_not_a_server_error() {
        let table = [
            (Kind::InvalidArgument, 400, Code::InvalidArgument),
            (Kind::NotFound, 404, Code::NotFound),
            (Kind::Conflict, 409, Code::Aborted),
            (Kind::Compacted, 410, Code::OutOfRange),
            (Kind::ResourceExhausted, 429, Code::ResourceExhausted),
            (Kind::Unavailable, 503, Code::Unavailable),
            (Kind::UnknownOutcome, 504, Code::Unknown),
            (Kind::Internal, 500, Code::Internal),
        ];
        for (kind, expected, code) in table {
            assert_eq!((http(kind).as_u16(), grpc(kind)), (expected, code), "{kind}");
        }
    }
}
