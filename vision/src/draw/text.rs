//! Text in an embedded font (Roboto, Apache License 2.0, reduced to ASCII and a few symbols).

use std::sync::OnceLock;

use ab_glyph::{Font, FontRef, PxScale, ScaleFont, point};

use super::{Canvas, Color};

pub(super) const FONT: &[u8] = include_bytes!("font/Roboto-Regular.ttf");

fn font() -> &'static FontRef<'static> {
    static PARSED: OnceLock<FontRef<'static>> = OnceLock::new();
    PARSED.get_or_init(|| FontRef::try_from_slice(FONT).expect("the embedded font is a font"))
}

/// How wide a line would be, in pixels.
pub(super) fn width(line: &str, size: f32) -> usize {
    let scaled = font().as_scaled(PxScale::from(size));
    let mut total = 0.0;
    let mut last = None;
    for letter in line.chars() {
        let glyph = scaled.glyph_id(letter);
        if let Some(last) = last {
            total += scaled.kern(last, glyph);
        }
        total += scaled.h_advance(glyph);
        last = Some(glyph);
    }
    total.ceil() as usize
}

/// Writes a line whose box starts at `(row, column)`.
pub(super) fn draw(canvas: &mut Canvas, line: &str, (row, column): (isize, isize), size: f32, color: Color) {
    let scaled = font().as_scaled(PxScale::from(size));
    let mut pen = point(column as f32, row as f32 + scaled.ascent());
    let mut last = None;
    for letter in line.chars() {
        let mut glyph = scaled.scaled_glyph(letter);
        if let Some(last) = last {
            pen.x += scaled.kern(last, glyph.id);
        }
        last = Some(glyph.id);
        glyph.position = pen;
        pen.x += scaled.h_advance(glyph.id);
        if let Some(outline) = font().outline_glyph(glyph) {
            let bounds = outline.px_bounds();
            outline.draw(|x, y, share| {
                let (row, column) = (bounds.min.y as isize + y as isize, bounds.min.x as isize + x as isize);
                canvas.blend(row, column, color, share.clamp(0.0, 1.0));
            });
        }
    }
}
