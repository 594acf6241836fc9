//! The data plane end to end, over real sockets on loopback: raw clients, raw backends, so that every byte is in the
//! test's hand.

mod harness;

mod basics;
mod blame;
mod bodies;
mod causes;
mod deadlines;
mod failures;
mod headers;
mod hostile;
mod lifecycle;
mod reload;
#[cfg(target_os = "linux")]
mod shortage;
mod upgrade;
