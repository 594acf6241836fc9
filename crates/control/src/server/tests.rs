//! The server as its clients see it: a real store, a real port, real gRPC and REST.

mod client;
mod hub;
mod life;
mod rest;
mod sessions;
