//! Pictures: sizes, exact pixels where they are simple, and files that read back.

use gradus_vision::Image;
use gradus_vision::draw::{
    Canvas, Colormap, Curves, GREEN, GridOptions, RED, Sheet, WHITE, color_map, confusion_counts, confusion_matrix,
    make_grid, save_gif, save_image, side_by_side,
};
use tensor::{DType, Generator, Tensor};

/// Where pictures go: a folder of its own that vanishes, or `GRADUS_PICTURES` to look at them.
fn folder() -> (Option<tempfile::TempDir>, std::path::PathBuf) {
    match std::env::var_os("GRADUS_PICTURES") {
        Some(path) => (None, path.into()),
        None => {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().to_path_buf();
            (Some(folder), path)
        }
    }
}

#[test]
fn a_grid_puts_pictures_where_torchvision_does() {
    let x = Tensor::arange(1.0, 6.0, 1.0, DType::F32).reshape([5, 1, 1, 1]).expand([5, 1, 2, 2]);
    let grid = make_grid(&x, &GridOptions { nrow: 3, padding: 1, ..GridOptions::default() });
    assert_eq!(grid.shape(), &[3, 7, 10]);
    let rows: Vec<f32> = grid.select(0, 0).select(0, 1).to_vec();
    assert_eq!(rows, [0.0, 1.0, 1.0, 0.0, 2.0, 2.0, 0.0, 3.0, 3.0, 0.0]);
    let last: Vec<f32> = grid.select(0, 2).select(0, 4).to_vec();
    assert_eq!(last, [0.0, 4.0, 4.0, 0.0, 5.0, 5.0, 0.0, 0.0, 0.0, 0.0]);
    let scaled = make_grid(&x, &GridOptions { normalize: true, padding: 0, nrow: 5, ..GridOptions::default() });
    assert_eq!(scaled.select(0, 0).select(0, 0).to_vec::<f32>()[8], 1.0);
}

#[test]
fn pictures_are_written_and_read_back() {
    let (_keep, folder) = folder();
    let mut generator = Generator::new(1);
    let noise = generator.rand([7, 3, 16, 16], DType::F32);
    save_image(&noise, folder.join("grid.png"), &GridOptions { nrow: 4, ..GridOptions::default() }).unwrap();
    assert_eq!(Image::open(folder.join("grid.png")).unwrap().width(), 4 * 18 + 2);
    save_gif(&noise, folder.join("noise.gif"), 100).unwrap();
    assert_eq!(Image::open(folder.join("noise.gif")).unwrap().height(), 16);

    let mut sheet = Sheet::new(4).enlarge(4);
    for i in 0..7 {
        let mark = if i == 3 { RED } else { GREEN };
        sheet.push(&noise.select(0, i), format!("{i} as {i}"), Some(mark));
    }
    sheet.to_canvas().save(folder.join("sheet.png")).unwrap();

    let ramp = Tensor::linspace(-1.0, 1.0, 256, DType::F64).expand([40, 256]);
    let maps = [Colormap::Viridis, Colormap::Cividis, Colormap::Magma, Colormap::BlueRed, Colormap::Gray];
    let painted: Vec<Tensor> = maps.iter().map(|&map| color_map(&ramp, map, None)).collect();
    let titled: Vec<(&str, &Tensor)> =
        ["viridis", "cividis", "magma", "blue-red", "gray"].into_iter().zip(&painted).collect();
    side_by_side(&titled).save(folder.join("colormaps.png")).unwrap();

    let truth = generator.randint([400], 0, 10);
    let counts = confusion_counts(&truth, &truth, 10);
    let names = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
    confusion_matrix(&counts, &names).save(folder.join("confusion.png")).unwrap();

    let falling: Vec<(f64, f64)> = (1..=20).map(|e| (f64::from(e), 1.0 / f64::from(e))).collect();
    let bumpy: Vec<(f64, f64)> = falling.iter().map(|&(x, y)| (x, y + 0.05 * (x * 1.7).sin() + 0.1)).collect();
    let curves = Curves::new("LeNet on MNIST", "epoch").y_label("loss").line("train", &falling).line("test", &bumpy);
    curves.save(folder.join("curves.png")).unwrap();
    curves.save(folder.join("curves.svg")).unwrap();
    assert!(std::fs::read_to_string(folder.join("curves.svg")).unwrap().contains("epoch"));
}

#[test]
fn text_has_the_width_it_says() {
    let width = Canvas::text_width("gradus", 20.0);
    let mut canvas = Canvas::new(30, width + 40, WHITE);
    canvas.text("gradus", (0, 0), 20.0, [0; 3]);
    let inked = |column: usize| (0..30).any(|row| canvas.pixel(row, column) != WHITE);
    assert!((0..5).any(inked) && (width - 6..width).any(inked) && !(width + 2..width + 40).any(inked));
}

#[test]
fn drawing_outside_is_cut_off() {
    let mut canvas = Canvas::new(4, 4, WHITE);
    canvas.fill((-2, 3), (4, 9), RED);
    canvas.paste(&Tensor::zeros([1, 3, 3], DType::F32), (-1, -1));
    canvas.text("far", (100, -50), 12.0, RED);
    assert_eq!([canvas.pixel(0, 3), canvas.pixel(1, 3), canvas.pixel(2, 3)], [RED, RED, WHITE]);
    assert_eq!([canvas.pixel(1, 1), canvas.pixel(2, 2)], [[0; 3], WHITE]);
}

#[test]
#[should_panic(expected = "paste: expected [1 or 3, height, width] (picture [2, 4, 4])")]
fn two_channels_are_no_picture() {
    Canvas::from_tensor(&Tensor::zeros([2, 4, 4], DType::F32));
}
