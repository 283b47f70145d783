//! Which instruction set the kernels use: detected once, forced by `GRADUS_SIMD` or, within a closure, by [`with_level`].

use std::cell::Cell;
use std::fmt;
use std::sync::OnceLock;

/// An instruction set that the kernels are compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// What every CPU of the target has; multiplication and addition are rounded apart.
    Portable,
    /// 128-bit vectors of 64-bit ARM.
    Neon,
    /// AVX2 and FMA: 256-bit vectors of x86-64.
    Avx2,
    /// AVX-512 F, BW, DQ and VL: 512-bit vectors of x86-64.
    Avx512,
}

impl Level {
    /// Every level, available here or not.
    pub const ALL: [Level; 4] = [Level::Portable, Level::Neon, Level::Avx2, Level::Avx512];

    /// The name that `GRADUS_SIMD` takes.
    pub const fn name(self) -> &'static str {
        match self {
            Level::Portable => "portable",
            Level::Neon => "neon",
            Level::Avx2 => "avx2",
            Level::Avx512 => "avx512",
        }
    }

    /// Whether this CPU can run the level.
    pub fn is_available(self) -> bool {
        match self {
            Level::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => {
                Level::Avx2.is_available()
                    && is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512vl")
            }
            #[cfg(target_arch = "aarch64")]
            Level::Neon => true,
            #[allow(unreachable_patterns)] // reached only by the levels of other targets
            _ => false,
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The levels that this CPU can run, slowest first.
pub fn available_levels() -> Vec<Level> {
    Level::ALL.into_iter().filter(|level| level.is_available()).collect()
}

/// What `GRADUS_SIMD` (`setting`) asks for, or the fastest level.
fn choose(setting: Option<&str>) -> Result<Level, String> {
    let available = available_levels();
    let Some(name) = setting.map(str::trim).filter(|name| !name.is_empty()) else {
        return Ok(available.last().copied().unwrap_or(Level::Portable));
    };
    let names: Vec<&str> = available.iter().map(|level| level.name()).collect();
    let names = names.join(", ");
    match Level::ALL.into_iter().find(|level| level.name().eq_ignore_ascii_case(name)) {
        Some(level) if available.contains(&level) => Ok(level),
        Some(level) => Err(format!("GRADUS_SIMD: this CPU cannot run {level} (it can run {names})")),
        None => Err(format!("GRADUS_SIMD: unknown level {name:?} (this CPU can run {names})")),
    }
}

thread_local! {
    static FORCED: Cell<Option<Level>> = const { Cell::new(None) };
}

/// The level that kernels started by this thread use: what [`with_level`] says, else `GRADUS_SIMD`, else the fastest
/// that the CPU has.
///
/// # Panics
/// If `GRADUS_SIMD` names no level, or one that this CPU cannot run.
pub fn level() -> Level {
    static DEFAULT: OnceLock<Level> = OnceLock::new();
    if let Some(level) = FORCED.get() {
        return level;
    }
    *DEFAULT.get_or_init(|| match choose(std::env::var("GRADUS_SIMD").ok().as_deref()) {
        Ok(level) => level,
        Err(message) => panic!("{message}"),
    })
}

/// What [`with_level`] has set on this thread; `parallel` hands it on to the threads that help.
pub(crate) fn forced() -> Option<Level> {
    FORCED.get()
}

/// Runs `f` with the level that [`forced`] gave on another thread.
pub(crate) fn with_forced<R>(level: Option<Level>, f: impl FnOnce() -> R) -> R {
    struct Restore(Option<Level>);
    impl Drop for Restore {
        fn drop(&mut self) {
            FORCED.set(self.0);
        }
    }
    let _restore = Restore(FORCED.replace(level));
    f()
}

/// Runs `f` with every kernel that it starts at `level`: how tests reach each level on one machine.
///
/// ```
/// use gradus_tensor::simd;
/// for level in simd::available_levels() {
///     simd::with_level(level, || assert_eq!(simd::level(), level));
/// }
/// ```
///
/// # Panics
/// If this CPU cannot run `level`.
#[track_caller]
pub fn with_level<R>(level: Level, f: impl FnOnce() -> R) -> R {
    assert!(level.is_available(), "with_level: this CPU cannot run {level}");
    with_forced(Some(level), f)
}

#[cfg(test)]
mod tests {
    use super::{Level, available_levels, choose, level, with_level};

    #[test]
    fn settings_choose_a_level_or_say_why_not() {
        assert_eq!(choose(None).unwrap(), *available_levels().last().unwrap());
        assert_eq!(choose(Some("")).unwrap(), *available_levels().last().unwrap());
        assert_eq!(choose(Some("portable")).unwrap(), Level::Portable);
        let error = choose(Some("sse9")).unwrap_err();
        assert!(error.starts_with("GRADUS_SIMD: unknown level \"sse9\" (this CPU can run portable"), "{error}");
        let absent = if cfg!(target_arch = "x86_64") { "neon" } else { "avx2" };
        let error = choose(Some(absent)).unwrap_err();
        assert!(
            error.starts_with(&format!("GRADUS_SIMD: this CPU cannot run {absent} (it can run portable")),
            "{error}"
        );
    }

    #[test]
    fn a_forced_level_ends_with_its_closure() {
        let before = level();
        with_level(Level::Portable, || {
            assert_eq!(level(), Level::Portable);
            let _ = std::panic::catch_unwind(|| with_level(before, || panic!("leave early")));
            assert_eq!(level(), Level::Portable);
        });
        assert_eq!(level(), before);
    }
}
