//! Pictures of data and of what happens inside a network: one call each, with defaults that look good.
//!
//! Everything is drawn on a [`Canvas`], which becomes an [`Image`](crate::Image) that can be saved or shown. Text uses
//! an embedded open font, so pictures look the same everywhere.

mod attribution;
mod canvas;
mod colormap;
mod confusion;
mod curve;
mod features;
mod grid;
mod inside;
mod receptive;
mod text;

pub use attribution::{Occlusion, grad_cam, occlusion, overlay, overlay_with, saliency};
pub use canvas::{BLACK, Canvas, Color, GREEN, RED, WHITE};
pub use colormap::Colormap;
pub use confusion::{confusion_counts, confusion_matrix};
pub use curve::Curves;
pub use features::{feature_maps, feature_sheet, filter_sheet};
pub use grid::{GridOptions, Sheet, color_map, make_grid, save_gif, save_image, side_by_side};
pub use receptive::{ReceptiveField, Stage, receptive_field, receptive_span};
