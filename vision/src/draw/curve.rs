//! Loss and metric curves, drawn by `plotters` as PNG or SVG.

use std::path::Path;
use std::sync::Once;

use plotters::coord::Shift;
use plotters::prelude::{
    BitMapBackend, ChartBuilder, DrawingArea, DrawingBackend, IntoDrawingArea, IntoFont, LineSeries, PathElement,
    RGBColor, SVGBackend, SeriesLabelPosition, WHITE as PAPER,
};
use plotters::style::{Color as _, FontStyle, register_font};

use super::Canvas;
use super::text::FONT;
use crate::{Result, VisionError};

/// The Okabe and Ito palette, which every kind of colour vision can tell apart.
const PALETTE: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
];

/// Several lines over one axis, such as training and test loss by epoch.
///
/// ```
/// use gradus_vision::draw::Curves;
/// let canvas = Curves::new("loss", "epoch").line("train", &[(1.0, 0.9), (2.0, 0.4)]).to_canvas().unwrap();
/// assert_eq!(canvas.width(), 720);
/// ```
#[derive(Clone, Debug)]
pub struct Curves {
    title: String,
    x_label: String,
    y_label: String,
    lines: Vec<(String, Vec<(f64, f64)>)>,
    size: (u32, u32),
}

impl Curves {
    /// An empty chart.
    pub fn new(title: impl Into<String>, x_label: impl Into<String>) -> Curves {
        let (title, x_label) = (title.into(), x_label.into());
        Curves { title, x_label, y_label: String::new(), lines: vec![], size: (720, 480) }
    }

    /// Names the vertical axis.
    #[must_use]
    pub fn y_label(mut self, label: impl Into<String>) -> Curves {
        self.y_label = label.into();
        self
    }

    /// Sets the size in pixels.
    #[must_use]
    pub fn size(mut self, width: u32, height: u32) -> Curves {
        self.size = (width, height);
        self
    }

    /// Adds a line; points that are not finite are left out.
    #[must_use]
    pub fn line(mut self, name: impl Into<String>, points: &[(f64, f64)]) -> Curves {
        let finite = points.iter().copied().filter(|(x, y)| x.is_finite() && y.is_finite()).collect();
        self.lines.push((name.into(), finite));
        self
    }

    fn ranges(&self) -> [(f64, f64); 2] {
        let points = || self.lines.iter().flat_map(|(_, points)| points);
        let span = |pick: fn(&(f64, f64)) -> f64, margin: f64| {
            let low = points().map(pick).fold(f64::INFINITY, f64::min);
            let high = points().map(pick).fold(f64::NEG_INFINITY, f64::max);
            match (low.is_finite(), high > low) {
                (false, _) => (0.0, 1.0),
                (_, false) => (low - 0.5, high + 0.5),
                _ => (low - margin * (high - low), high + margin * (high - low)),
            }
        };
        [span(|p| p.0, 0.0), span(|p| p.1, 0.06)]
    }

    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>) -> std::result::Result<(), String> {
        static FONTS: Once = Once::new();
        FONTS.call_once(|| {
            // The embedded font is a font; a failure would only show as missing text.
            let _ = register_font("sans-serif", FontStyle::Normal, FONT);
        });
        let text = |fault: plotters::drawing::DrawingAreaErrorKind<B::ErrorType>| fault.to_string();
        area.fill(&PAPER).map_err(text)?;
        let [(x0, x1), (y0, y1)] = self.ranges();
        let mut chart = ChartBuilder::on(area)
            .caption(&self.title, ("sans-serif", 22).into_font())
            .margin(16)
            .x_label_area_size(42)
            .y_label_area_size(62)
            .build_cartesian_2d(x0..x1, y0..y1)
            .map_err(text)?;
        chart
            .configure_mesh()
            .light_line_style(PAPER.mix(0.0))
            .bold_line_style(RGBColor(225, 225, 225))
            .x_desc(&self.x_label)
            .y_desc(&self.y_label)
            .label_style(("sans-serif", 15).into_font())
            .axis_desc_style(("sans-serif", 16).into_font())
            .draw()
            .map_err(text)?;
        for (i, (name, points)) in self.lines.iter().enumerate() {
            let style = PALETTE[i % PALETTE.len()].stroke_width(2);
            chart
                .draw_series(LineSeries::new(points.iter().copied(), style))
                .map_err(text)?
                .label(name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 22, y)], style));
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperRight)
            .background_style(PAPER.mix(0.85))
            .border_style(RGBColor(200, 200, 200))
            .label_font(("sans-serif", 15).into_font())
            .draw()
            .map_err(text)?;
        area.present().map_err(text)
    }

    /// The chart as a picture.
    ///
    /// # Errors
    /// If the chart cannot be drawn.
    pub fn to_canvas(&self) -> Result<Canvas> {
        let (width, height) = self.size;
        let mut bytes = vec![255; (width * height * 3) as usize];
        let area = BitMapBackend::with_buffer(&mut bytes, self.size).into_drawing_area();
        self.draw(&area).map_err(|reason| VisionError::Encode { path: "chart".into(), reason })?;
        drop(area);
        Ok(Canvas::from_bytes(height as usize, width as usize, &bytes))
    }

    /// Saves the chart: as vectors if the file ends in `.svg`, else as pixels.
    ///
    /// # Errors
    /// If the chart cannot be drawn or the file not be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        if path.extension().is_none_or(|ending| ending != "svg") {
            return self.to_canvas()?.save(path);
        }
        let mut svg = String::new();
        {
            let area = SVGBackend::with_string(&mut svg, self.size).into_drawing_area();
            self.draw(&area).map_err(|reason| VisionError::Encode { path: path.to_path_buf(), reason })?;
        }
        crate::image::write_atomic(path, svg.as_bytes())
    }
}
