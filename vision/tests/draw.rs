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

#[test]
fn rows_of_a_confusion_matrix_are_true_classes() {
    let counts = confusion_counts(&Tensor::from([0i64, 0, 0, 1]), &Tensor::from([0i64, 1, 1, 1]), 2);
    assert_eq!(counts.to_vec::<i64>(), [1, 2, 0, 1]);
    let canvas = confusion_matrix(&counts, &["a", "b"]);
    // From the right and the bottom: a margin of 16, cells of 44. Shares are by row: 1/3, 2/3, 0 and 1, under a root.
    let cell = |row: usize, column: usize| {
        canvas.pixel(canvas.height() - 16 - 44 * (2 - row) + 4, canvas.width() - 16 - 44 * (2 - column) + 4)
    };
    let color = |share: f64| Colormap::Viridis.color(share.sqrt());
    assert_eq!([cell(0, 0), cell(0, 1), cell(1, 0), cell(1, 1)], [1.0 / 3.0, 2.0 / 3.0, 0.0, 1.0].map(color));
    // Names stand above their columns, however long.
    let long = confusion_matrix(&counts, &["a long-haired cat", "another animal"]);
    assert!(long.width() > 3 * Canvas::text_width("a long-haired cat", 15.0));
}

#[test]
fn an_animation_shows_each_frame_as_long_as_asked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.gif");
    save_gif(&Tensor::zeros([3, 1, 4, 5], DType::F32), &path, 120).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    // The graphic control extension: its mark, its size, flags, and the delay in hundredths of a second.
    let delays: Vec<u16> = bytes
        .windows(6)
        .filter(|block| block.starts_with(&[0x21, 0xf9, 4]))
        .map(|block| u16::from_le_bytes([block[4], block[5]]))
        .collect();
    assert_eq!(delays, [12, 12, 12]);
    // Without end: the Netscape block with a count of 0.
    let at = bytes.windows(11).position(|block| block == b"NETSCAPE2.0").unwrap();
    assert_eq!(bytes[at + 11..at + 15], [3, 1, 0, 0]);
}

#[test]
fn predictions_are_green_where_right_and_red_where_wrong() {
    let mut sheet = Sheet::new(2);
    let black = Tensor::zeros([1, 20, 60], DType::F32);
    sheet.push_prediction(&black, "cat", "cat");
    sheet.push_prediction(&black, "cat", "dog");
    let canvas = sheet.to_canvas();
    // A frame of 3 pixels around each picture, which begins 8 pixels from the corner.
    assert_eq!(canvas.pixel(8, 8), GREEN);
    let right = (0..canvas.width()).rev().find(|&x| canvas.pixel(18, x) != WHITE).unwrap();
    assert_eq!(canvas.pixel(18, right), RED);
    // The true class stands beside the wrong one, and both fit.
    assert!(canvas.width() >= 8 + 60 + 8 + Canvas::text_width("cat (is dog)", 16.0));
}

#[test]
fn a_range_of_colours_is_kept_and_a_frame_has_four_sides() {
    let x = Tensor::from([[0.0f64, 1.0, 2.0]]);
    let colors = |range| color_map(&x, Colormap::Gray, range).select(0, 0).to_vec::<u8>();
    assert_eq!((colors(None), colors(Some((0.0, 4.0)))), (vec![0, 128, 255], vec![0, 64, 128]));
    let mut canvas = Canvas::new(9, 8, WHITE);
    canvas.frame((1, 2), (6, 5), 2, RED);
    for row in 0..9usize {
        for column in 0..8usize {
            let (outer, inner) =
                ((1..7).contains(&row) && (2..7).contains(&column), (3..5).contains(&row) && column == 4);
            assert_eq!(canvas.pixel(row, column), if outer && !inner { RED } else { WHITE }, "{row} {column}");
        }
    }
}

#[test]
fn every_line_of_a_chart_is_inside_it() {
    let low: Vec<(f64, f64)> = (0..9).map(|x| (f64::from(x), 0.1)).collect();
    let high: Vec<(f64, f64)> = low.iter().map(|&(x, _)| (x, 5.0)).collect();
    let canvas = Curves::new("two", "x").line("low", &low).line("high", &high).to_canvas().unwrap();
    // The row in which a flat line of the palette's colour is longest.
    let row = |color: [u8; 3]| {
        let count = |row: usize| (0..canvas.width()).filter(|&column| canvas.pixel(row, column) == color).count();
        let row = (0..canvas.height()).max_by_key(|&row| count(row)).unwrap_or(0);
        assert!(count(row) > 500);
        row
    };
    // One near the bottom, one near the top.
    let (low, high) = (row([0, 114, 178]), row([213, 94, 0]));
    assert!(low > high + 280 && low < 480, "{low} and {high}");
}
