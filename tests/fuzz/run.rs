//! The loop that changes, reads, and judges.

use std::collections::{HashMap, HashSet};
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use gradus::tensor::{Generator, memory};
use tempfile::TempDir;

use crate::ALLOCATOR;
use crate::mutate::mutate;

/// Longer than any reader needs for a file of this size, on a machine that is busy with other things.
const HANG: Duration = Duration::from_secs(20);
/// The most time that one case is counted with.
const LONGEST: Duration = Duration::from_millis(500);
/// Files that may be seeds, and how many of them by answers that begin alike: a message that repeats what the file says is
/// new each time, and such files would crowd out all others.
const CORPUS: usize = 2000;
const ALIKE: usize = 12;
const BEGINNING: usize = 50;

type Read<'a> = &'a dyn Fn(&[u8], &Folder) -> Result<(), String>;

/// A reader to try.
pub(crate) struct Target<'a> {
    pub(crate) name: &'static str,
    /// Valid files.
    pub(crate) seeds: Vec<Vec<u8>>,
    /// The most bytes that reading this file may hold at a time.
    pub(crate) limit: fn(&[u8]) -> usize,
    pub(crate) read: Read<'a>,
}

/// A folder for readers that open files.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

/// What the watching thread looks at: the case that runs and when it began.
type Current = Arc<Mutex<Option<(Instant, Vec<u8>)>>>;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Tries every case in `found/` and every seed, then changed files until the time is over.
pub(crate) fn fuzz(target: Target<'_>) {
    // The allocator counts for the whole process: one target at a time.
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = lock(&ALONE);
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<f64>().ok());
    let budget = Duration::from_secs_f64(number("GRADUS_FUZZ_SECONDS").unwrap_or(0.3));
    let mut g = Generator::new(number("GRADUS_FUZZ_SEED").unwrap_or(1.0) as u64);
    let folder = Folder(tempfile::tempdir().unwrap());
    let current = Current::default();
    watch(target.name, &current);
    memory::set_cache_limit(0);

    let mut known = HashSet::new();
    let mut alike: HashMap<String, usize> = HashMap::new();
    let mut corpus = Vec::new();
    for bytes in found(target.name).iter().chain(&target.seeds) {
        known.insert(judge(&target, bytes, &folder, &current));
    }
    let good = target.seeds.iter().filter(|seed| (target.read)(seed, &folder).is_ok()).count();
    assert!(good > 0, "{}: no seed is read, so that changes of them test nothing", target.name);
    // What a process that is stopped for a while misses is not counted.
    let (mut spent, mut cases) = (Duration::ZERO, 0u64);
    while spent < budget {
        let start = Instant::now();
        let mut bytes = pick(&target.seeds, &corpus, &mut g).clone();
        let other = pick(&target.seeds, &corpus, &mut g);
        mutate(&mut bytes, other, &mut g);
        if g.below(2) == 0 {
            sum_png(&mut bytes);
        }
        let answer = judge(&target, &bytes, &folder, &current);
        let beginning = answer.chars().take(BEGINNING).collect();
        if known.insert(answer) && corpus.len() < CORPUS {
            let count = alike.entry(beginning).or_default();
            *count += 1;
            if *count <= ALIKE {
                corpus.push(bytes);
            }
        }
        cases += 1;
        spent += start.elapsed().min(LONGEST);
    }
    println!("{}: {cases} cases in {:.0?}, {} answers, {} seeds", target.name, spent, known.len(), corpus.len());
    *lock(&current) = None;
}

/// A valid file, or one that earned a new answer.
fn pick<'a>(seeds: &'a [Vec<u8>], corpus: &'a [Vec<u8>], g: &mut Generator) -> &'a Vec<u8> {
    let from = if corpus.is_empty() || g.below(2) == 0 { seeds } else { corpus };
    &from[g.below(from.len())]
}

/// Reads one file; its answer, without numbers, says what the reader made of it.
fn judge(target: &Target<'_>, bytes: &[u8], folder: &Folder, current: &Current) -> String {
    *lock(current) = Some((Instant::now(), bytes.to_vec()));
    let before = ALLOCATOR.current_usage();
    ALLOCATOR.reset_peak_usage();
    let result = catch_unwind(AssertUnwindSafe(|| (target.read)(bytes, folder)));
    let held = ALLOCATOR.peak_usage().saturating_sub(before);
    let limit = (target.limit)(bytes);
    match result {
        Err(_) => broke(target.name, "panics", bytes),
        Ok(_) if held > limit => broke(target.name, &format!("holds {held} bytes, over {limit},"), bytes),
        Ok(Ok(())) => "read".into(),
        Ok(Err(error)) => {
            if error.contains('\n') {
                broke(target.name, "answers in more than one line", bytes);
            }
            // Caught on the way, but still a fault, to be refused before the decoder sees it.
            if error.contains("the decoder panicked") {
                broke(target.name, "catches a panic", bytes);
            }
            let error = error.replace(&*folder.path().to_string_lossy(), "");
            error.replace(|letter: char| !letter.is_ascii_alphabetic(), "")
        }
    }
}

fn broke(name: &str, what: &str, bytes: &[u8]) -> ! {
    let path = keep(name, bytes);
    panic!("{name}: the reader {what} on {}", path.display());
}

/// Writes a case where the build keeps its files; move it to `found/` to have it tried always.
fn keep(name: &str, bytes: &[u8]) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}.bin", std::process::id()));
    std::fs::write(&path, bytes).unwrap();
    path
}

fn found(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/found").join(name);
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder).into_iter().flatten().map(|e| e.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

/// Ends the process when a case takes too long: nothing else stops a reader that hangs. It counts its own naps, so that a
/// process that is stopped for a while, as by a debugger, is not taken for one that hangs.
fn watch(name: &'static str, current: &Current) {
    const NAP: Duration = Duration::from_millis(200);
    let current = Arc::downgrade(current);
    std::thread::spawn(move || {
        let (mut last, mut naps) = (None, 0);
        while let Some(current) = current.upgrade() {
            let now = lock(&current).as_ref().map(|(start, _)| *start);
            naps = if now.is_some() && now == last { naps + 1 } else { 0 };
            last = now;
            if NAP * naps > HANG
                && let Some((_, bytes)) = lock(&current).as_ref()
            {
                let path = keep(name, bytes);
                let _ = writeln!(std::io::stderr(), "{name}: the reader hangs on {}", path.display());
                std::process::abort();
            }
            drop(current);
            std::thread::sleep(NAP);
        }
    });
}

/// Gives every chunk of a PNG its right checksum.
fn sum_png(bytes: &mut [u8]) {
    if !bytes.starts_with(b"\x89PNG") {
        return;
    }
    let mut at = 8;
    while let Some(&[a, b, c, d]) = bytes.get(at..at + 4) {
        let end = at + 8 + u32::from_be_bytes([a, b, c, d]) as usize;
        let Some(chunk) = bytes.get(at + 4..end) else { return };
        let mut sum = flate2::Crc::new();
        sum.update(chunk);
        let sum = sum.sum().to_be_bytes();
        let Some(place) = bytes.get_mut(end..end + 4) else { return };
        place.copy_from_slice(&sum);
        at = end + 4;
    }
}

/// The most bytes that a file in gzip, or one as it is, can unpack to: deflate makes at most 1032 of one.
pub(crate) fn unpacked(bytes: &[u8]) -> usize {
    if bytes.starts_with(&[0x1f, 0x8b]) { 1032 * bytes.len() } else { bytes.len() }
}

/// The same for zip archives.
pub(crate) fn packed(bytes: &[u8]) -> usize {
    if bytes.starts_with(b"PK") { 1032 * bytes.len() } else { bytes.len() }
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// An archive of these files, compressed or stored.
pub(crate) fn zip(files: &[(&str, &[u8])], compressed: bool) -> Vec<u8> {
    let method = if compressed { zip::CompressionMethod::Deflated } else { zip::CompressionMethod::Stored };
    let options = zip::write::SimpleFileOptions::default().compression_method(method);
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in files {
        writer.start_file(*name, options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}
