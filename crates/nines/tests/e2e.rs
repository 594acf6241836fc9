//! End to end: the real binary, real services, real sockets; every port is picked by the system.

#![expect(clippy::print_stderr, reason = "a failed test shows what the binary said")]

#[path = "e2e/alone.rs"]
mod alone;
#[path = "e2e/api.rs"]
mod api;
#[path = "e2e/crash.rs"]
mod crash;
#[path = "e2e/load.rs"]
mod load;
#[path = "e2e/orphans.rs"]
mod orphans;
#[path = "e2e/process.rs"]
mod process;
#[path = "e2e/refusals.rs"]
mod refusals;
#[path = "e2e/roles.rs"]
mod roles;
#[path = "e2e/rolling.rs"]
mod rolling;
#[path = "e2e/stack.rs"]
mod stack;
#[path = "e2e/up.rs"]
mod up;
