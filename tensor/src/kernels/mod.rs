//! Numeric kernels on raw slices, one file or folder per family.
