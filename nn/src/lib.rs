//! Part of gradus.

pub mod data;
pub mod init;
pub mod io;
pub mod loss;
pub mod ops;
pub mod optim;
pub mod schedule;
