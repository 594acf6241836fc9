//! End to end: the real binary, real services, real sockets; every port is picked by the system.

mod load;
mod process;
mod stack;
