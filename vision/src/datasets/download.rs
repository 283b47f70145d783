//! Fetching the published files of a data set, once: mirrors in turn, resumed where they broke off, believed only if the
//! checksum is the published one.

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use md5::Md5;
use sha2::{Digest, Sha256};

use super::archive::MAX_BYTES;
use crate::error::{Result, VisionError};

/// Broken transfers that are resumed before the next mirror is asked.
const RETRIES: usize = 3;

/// A published checksum, in hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Checksum {
    /// As most data sets publish it: it finds damage, not malice.
    Md5(String),
    /// The better one where there is a choice.
    Sha256(String),
}

impl Checksum {
    fn algorithm(&self) -> &'static str {
        match self {
            Checksum::Md5(_) => "md5",
            Checksum::Sha256(_) => "sha256",
        }
    }

    /// Checks a file.
    ///
    /// # Errors
    /// If it cannot be read, or its checksum is another.
    pub fn verify(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let (expected, found) = match self {
            Checksum::Md5(expected) => (expected, sum::<Md5>(path)?),
            Checksum::Sha256(expected) => (expected, sum::<Sha256>(path)?),
        };
        if expected.eq_ignore_ascii_case(&found) {
            return Ok(());
        }
        let (algorithm, expected) = (self.algorithm(), expected.clone());
        Err(VisionError::Checksum { path: path.to_path_buf(), algorithm, expected, found })
    }
}

fn sum<D: Digest>(path: &Path) -> Result<String> {
    let mut digest = D::new();
    let mut source = BufReader::new(File::open(path).map_err(VisionError::io("read", path))?);
    let mut block = vec![0; 1 << 16];
    loop {
        match source.read(&mut block).map_err(VisionError::io("read", path))? {
            0 => break,
            count => digest.update(&block[..count]),
        }
    }
    Ok(digest.finalize().iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes everything");
        text
    }))
}

/// A file to fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// Its name here.
    pub name: String,
    /// Where it lies, the first to be asked first.
    pub mirrors: Vec<String>,
    /// What it must be.
    pub checksum: Checksum,
}

/// The files of a data set as published, by the name of the function that reads it: `mnist`, `fashion_mnist`, `kmnist`,
/// `emnist`, `cifar10`, `cifar100` and `stl10`. Addresses and checksums are torchvision's. A set of one file is an archive,
/// which its function reads as it is: give it the path that [`download`] gives.
pub fn published(name: &str) -> Option<Vec<Remote>> {
    let family = |mirrors: &[&str], sums: [&str; 4]| {
        let parts = ["train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"];
        let remote = |(part, sum): (&str, &str)| {
            let name = format!("{part}-ubyte.gz");
            let mirrors = mirrors.iter().map(|mirror| format!("{mirror}{name}")).collect();
            Remote { name, mirrors, checksum: Checksum::Md5(sum.into()) }
        };
        parts.into_iter().zip(sums).map(remote).collect()
    };
    let archive = |folder: &str, name: &str, sum: &str| {
        vec![Remote {
            name: name.into(),
            mirrors: vec![format!("{folder}{name}")],
            checksum: Checksum::Md5(sum.into()),
        }]
    };
    const CIFAR: &str = "https://www.cs.toronto.edu/~kriz/";
    Some(match name {
        "mnist" => family(
            &["https://ossci-datasets.s3.amazonaws.com/mnist/", "http://yann.lecun.com/exdb/mnist/"],
            [
                "f68b3c2dcbeaaa9fbdd348bbdeb94873",
                "d53e105ee54ea40749a09fcbcd1e9432",
                "9fb629c4189551a2d022fa330f9573f3",
                "ec29112dd5afa0611ce80d1b7f02629c",
            ],
        ),
        "fashion_mnist" => family(
            &["http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"],
            [
                "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
                "25c81989df183df01b3e8a0aad5dffbe",
                "bef4ecab320f06d8554ea6380940ec79",
                "bb300cfdad3c16e7a12a480ee83cd310",
            ],
        ),
        "kmnist" => family(
            &["http://codh.rois.ac.jp/kmnist/dataset/kmnist/"],
            [
                "bdb82020997e1d708af4cf47b453dcf7",
                "e144d726b3acfaa3e44228e80efcd344",
                "5c965bf0a639b31b8f53240b1b52f4d7",
                "7320c461ea6c1c855c0b718fb2a4b134",
            ],
        ),
        "emnist" => {
            archive("https://biometrics.nist.gov/cs_links/EMNIST/", "gzip.zip", "58c8d27c78d21e728a6bc7b3cc06412e")
        }
        "cifar10" => archive(CIFAR, "cifar-10-python.tar.gz", "c58f30108f718f92721af3b95e74349a"),
        "cifar100" => archive(CIFAR, "cifar-100-python.tar.gz", "eb9058c3a382ffc7106e4002c42a8d85"),
        "stl10" => {
            archive("http://ai.stanford.edu/~acoates/stl10/", "stl10_binary.tar.gz", "91f7769df0f17e558f3565bffb0c7dfb")
        }
        _ => return None,
    })
}

/// Fetches a file into `directory`, unless it lies there already with the right checksum, and gives its path;
/// `progress(bytes, all)` is called as it comes.
///
/// The bytes go to `name.part`, where a later call goes on if this one is interrupted; with the right checksum it gets its
/// name, with a wrong one it is removed and the next mirror asked. PyTorch: `torchvision.datasets.utils.download_url`.
///
/// ```no_run
/// use gradus_vision::datasets::{Split, download, mnist, published};
/// for file in published("mnist").unwrap() {
///     download(&file, "mnist", |_, _| {})?;
/// }
/// let train = mnist("mnist", Split::Train)?;
/// # Ok::<(), gradus_vision::VisionError>(())
/// ```
///
/// # Errors
/// If a file of this name has another checksum (it is left alone), no mirror delivers the right one (the last failure is
/// told), or the file cannot be written.
pub fn download(
    remote: &Remote,
    directory: impl AsRef<Path>,
    mut progress: impl FnMut(u64, Option<u64>),
) -> Result<PathBuf> {
    let directory = directory.as_ref();
    let path = directory.join(&remote.name);
    if path.exists() {
        return remote.checksum.verify(&path).map(|()| path);
    }
    fs::create_dir_all(directory).map_err(VisionError::io("create", directory))?;
    let part = directory.join(format!("{}.part", remote.name));
    let mut last = VisionError::Download { url: remote.name.clone(), reason: "it has no mirrors".into() };
    for url in &remote.mirrors {
        match transfer(url, &part, &mut progress).and_then(|()| keep(&part, &path, &remote.checksum)) {
            Ok(()) => return Ok(path),
            // A full or forbidden disk is so for every mirror.
            Err(error @ VisionError::Io { .. }) => return Err(error),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Gives a whole file its name, or removes it.
fn keep(part: &Path, path: &Path, checksum: &Checksum) -> Result<()> {
    if let Err(error) = checksum.verify(part) {
        if matches!(error, VisionError::Checksum { .. }) {
            fs::remove_file(part).map_err(VisionError::io("remove", part))?;
        }
        return Err(error);
    }
    fs::rename(part, path).map_err(VisionError::io("write", path))
}

/// Fetches the rest of a file, trying again where a transfer breaks off.
fn transfer(url: &str, part: &Path, progress: &mut dyn FnMut(u64, Option<u64>)) -> Result<()> {
    let config = ureq::Agent::config_builder()
        .timeout_connect(Some(Duration::from_secs(20)))
        .timeout_recv_response(Some(Duration::from_secs(60)))
        .timeout_recv_body(Some(Duration::from_secs(3600)))
        .http_status_as_error(false)
        .build();
    let agent = ureq::Agent::new_with_config(config);
    let mut left = RETRIES;
    loop {
        match attempt(&agent, url, part, progress) {
            Err(VisionError::Download { .. }) if left > 0 => left -= 1,
            result => return result,
        }
    }
}

fn attempt(agent: &ureq::Agent, url: &str, part: &Path, progress: &mut dyn FnMut(u64, Option<u64>)) -> Result<()> {
    let failed = |reason: String| VisionError::Download { url: url.into(), reason };
    let mut file = OpenOptions::new().create(true).append(true).open(part).map_err(VisionError::io("write", part))?;
    let mut have = file.seek(SeekFrom::End(0)).map_err(VisionError::io("write", part))?;
    let mut request = agent.get(url);
    if have > 0 {
        request = request.header("Range", format!("bytes={have}-"));
    }
    let mut response = request.call().map_err(|error| failed(error.to_string()))?;
    let range = response.headers().get("content-range").and_then(|value| value.to_str().ok()).map(String::from);
    match response.status().as_u16() {
        200 => {}
        206 if range.as_deref().is_some_and(|range| range.starts_with(&format!("bytes {have}-"))) => {}
        // Nothing is left to send: the file is whole, or longer than theirs, which the checksum tells.
        416 if have > 0 => return Ok(()),
        206 => return Err(failed(format!("asked for the bytes from {have}, got {range:?}"))),
        status => return Err(failed(format!("the server answers {status}"))),
    }
    if response.status().as_u16() == 200 && have > 0 {
        file.set_len(0).map_err(VisionError::io("write", part))?;
        have = 0;
    }
    let all = response.body().content_length().map(|rest| rest.saturating_add(have));
    if let Some(size) = all.filter(|&size| size > MAX_BYTES) {
        let what = "the size in bytes".into();
        return Err(VisionError::TooLarge { path: part.to_path_buf(), what, size, limit: MAX_BYTES });
    }
    let mut source = response.body_mut().as_reader().take(MAX_BYTES - have + 1);
    let mut block = vec![0; 1 << 16];
    loop {
        let count = match source.read(&mut block) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(failed(format!("after {have} bytes: {error}"))),
        };
        file.write_all(&block[..count]).map_err(VisionError::io("write", part))?;
        have += count as u64;
        progress(have, all);
    }
    if let Some(all) = all.filter(|&all| all != have) {
        return Err(failed(format!("it ended after {have} of {all} bytes")));
    }
    if have > MAX_BYTES {
        let what = "the size in bytes".into();
        return Err(VisionError::TooLarge { path: part.to_path_buf(), what, size: have, limit: MAX_BYTES });
    }
    file.sync_all().map_err(VisionError::io("write", part))
}
