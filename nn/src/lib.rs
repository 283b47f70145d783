//! Modules, layers, losses, optimizers and training of gradus.
#![forbid(unsafe_code)]

pub mod ops;
