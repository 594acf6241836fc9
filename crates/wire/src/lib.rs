//! The formats on the wire, and nothing else: protobuf and REST shapes to and from `nines-model`, and error kinds to
//! HTTP and gRPC statuses. The only crate that knows them.

pub mod convert;
pub mod status;

/// The generated protobuf messages and gRPC services.
#[allow(
    unreachable_pub,
    missing_debug_implementations,
    clippy::all,
    clippy::allow_attributes,
    reason = "generated code"
)]
pub mod proto {
    tonic::include_proto!("nines.v1");
}

pub mod rest;
