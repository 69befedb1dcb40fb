//! The program as its users run it: real processes, sockets and signals.

mod crash;
mod lifecycle;
mod server;
mod signing;
