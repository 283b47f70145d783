//! Options as Python prints them, for the text of `print(model)`.

/// `(3, 5)`, and `(3,)` for a single number.
pub(super) fn tuple<T: ToString>(values: &[T]) -> String {
    match values {
        [single] => format!("({},)", single.to_string()),
        many => format!("({})", many.iter().map(T::to_string).collect::<Vec<_>>().join(", ")),
    }
}

/// `3` where all axes have the same, else a tuple: what PyTorch's user most likely wrote.
pub(super) fn sizes<T: ToString + PartialEq>(values: &[T]) -> String {
    match values {
        [first, rest @ ..] if rest.iter().all(|value| value == first) => first.to_string(),
        many => tuple(many),
    }
}

/// `True` or `False`.
pub(super) fn flag(value: bool) -> &'static str {
    if value { "True" } else { "False" }
}

/// `1.0`, `0.001`, `1e-05`.
pub(super) fn float(value: f64) -> String {
    let scientific = format!("{value:e}");
    let Some((digits, exponent)) = scientific.split_once('e') else { return scientific.to_lowercase() };
    match exponent.parse::<i32>() {
        Ok(exponent) if !(-4..16).contains(&exponent) => {
            format!("{digits}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
        }
        _ => format!("{value:?}"),
    }
}

/// An option of an activation.
pub(super) trait Printed {
    fn printed(&self, name: &str) -> String;
}

impl Printed for f64 {
    fn printed(&self, name: &str) -> String {
        // The two layers that have it print it without its name.
        if name == "lambd" { float(*self) } else { format!("{name}={}", float(*self)) }
    }
}

impl Printed for isize {
    fn printed(&self, name: &str) -> String {
        format!("{name}={self}")
    }
}

/// Of `GELU`, whose one flag is a text in PyTorch.
impl Printed for bool {
    fn printed(&self, _: &str) -> String {
        format!("approximate='{}'", if *self { "tanh" } else { "none" })
    }
}

#[test]
fn floats_are_pythons() {
    let printed = [0.0, 1.0, 20.0, 0.1, 1e-3, 1e-4, 1e-5, 2.5e-7, 1e15, 1e16, 1.5e300, -0.5, f64::INFINITY].map(float);
    let python = [
        "0.0",
        "1.0",
        "20.0",
        "0.1",
        "0.001",
        "0.0001",
        "1e-05",
        "2.5e-07",
        "1000000000000000.0",
        "1e+16",
        "1.5e+300",
        "-0.5",
        "inf",
    ];
    assert_eq!(printed, python);
}
