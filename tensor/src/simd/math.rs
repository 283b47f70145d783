//! Vector forms of the elementary functions.
