//! Colour maps that survive colour blindness and grey printing.

/// How a number between 0 and 1 becomes a colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Colormap {
    /// Dark violet over green to yellow: for magnitudes (van der Walt and Smith, 2015).
    #[default]
    Viridis,
    /// Dark blue over grey to yellow: the same for every kind of colour vision (Nunez et al., 2018).
    Cividis,
    /// Black over purple to pale yellow.
    Magma,
    /// Blue over white to red: for signed values, 0.5 being zero (ColorBrewer's RdBu, reversed).
    BlueRed,
    /// Black to white.
    Gray,
}

impl Colormap {
    /// The colour at `value`, which is clamped to 0..=1; NaN is grey.
    ///
    /// ```
    /// use gradus_vision::draw::Colormap;
    /// assert_eq!(Colormap::Gray.color(1.0), [255, 255, 255]);
    /// assert_eq!(Colormap::Viridis.color(0.0), [68, 1, 84]);
    /// ```
    pub fn color(self, value: f64) -> [u8; 3] {
        if value.is_nan() {
            return [128, 128, 128];
        }
        let table = match self {
            Colormap::Viridis => &VIRIDIS,
            Colormap::Cividis => &CIVIDIS,
            Colormap::Magma => &MAGMA,
            Colormap::BlueRed => &BLUE_RED,
            Colormap::Gray => return [(value.clamp(0.0, 1.0) * 255.0).round() as u8; 3],
        };
        let place = value.clamp(0.0, 1.0) * (table.len() - 1) as f64;
        let low = (place as usize).min(table.len() - 2);
        let share = place - low as f64;
        std::array::from_fn(|i| {
            let (a, b) = (f64::from(table[low][i]), f64::from(table[low + 1][i]));
            (a + (b - a) * share).round() as u8
        })
    }
}

/// Viridis at 17 even steps.
const VIRIDIS: [[u8; 3]; 17] = [
    [68, 1, 84],
    [72, 24, 106],
    [71, 45, 123],
    [66, 64, 134],
    [59, 82, 139],
    [51, 99, 141],
    [44, 114, 142],
    [38, 130, 142],
    [33, 145, 140],
    [31, 160, 136],
    [40, 174, 128],
    [63, 188, 115],
    [94, 201, 98],
    [132, 212, 75],
    [173, 220, 48],
    [216, 226, 25],
    [253, 231, 37],
];

/// Cividis at 17 even steps.
const CIVIDIS: [[u8; 3]; 17] = [
    [0, 34, 78],
    [0, 46, 106],
    [26, 56, 111],
    [50, 67, 109],
    [67, 78, 108],
    [83, 90, 109],
    [97, 101, 111],
    [111, 112, 115],
    [125, 124, 120],
    [140, 136, 120],
    [155, 148, 118],
    [171, 160, 114],
    [188, 174, 108],
    [205, 187, 99],
    [222, 201, 88],
    [240, 216, 70],
    [254, 232, 56],
];

/// Magma at 17 even steps.
const MAGMA: [[u8; 3]; 17] = [
    [0, 0, 4],
    [10, 8, 34],
    [29, 17, 71],
    [54, 16, 107],
    [81, 18, 124],
    [106, 28, 129],
    [131, 38, 129],
    [156, 46, 127],
    [183, 55, 121],
    [208, 65, 111],
    [231, 82, 99],
    [245, 107, 92],
    [252, 137, 97],
    [254, 167, 114],
    [254, 196, 136],
    [253, 226, 163],
    [252, 253, 191],
];

/// RdBu reversed at 17 even steps.
const BLUE_RED: [[u8; 3]; 17] = [
    [5, 48, 97],
    [23, 82, 144],
    [42, 113, 178],
    [63, 142, 192],
    [107, 172, 209],
    [155, 201, 224],
    [194, 221, 236],
    [224, 236, 243],
    [247, 246, 246],
    [251, 229, 216],
    [251, 204, 180],
    [245, 170, 137],
    [228, 128, 102],
    [208, 85, 72],
    [186, 40, 50],
    [147, 14, 38],
    [103, 0, 31],
];
