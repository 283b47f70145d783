//! Downloads from a server on this machine that breaks off, lies, or knows no ranges.
#![cfg(feature = "download")]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

use gradus_vision::datasets::{Checksum, Remote, download, published};
use tempfile::tempdir;

/// What the server has, and how it gives it.
#[derive(Clone, Copy)]
struct Manner {
    ranges: bool,
    /// Bytes after which the first answers break off.
    breaks: Option<usize>,
    status: u16,
}

const PLAIN: Manner = Manner { ranges: true, breaks: None, status: 200 };

struct Server {
    url: String,
    /// The range that each request asked for.
    asked: Arc<Mutex<Vec<String>>>,
}

fn serve(content: &[u8], manner: Manner) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/file", listener.local_addr().unwrap());
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let (content, log) = (content.to_vec(), asked.clone());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            answer(stream.unwrap(), &content, manner, &log);
        }
    });
    Server { url, asked }
}

fn answer(mut stream: TcpStream, content: &[u8], manner: Manner, log: &Mutex<Vec<String>>) {
    let mut range = String::new();
    for line in BufReader::new(stream.try_clone().unwrap()).lines() {
        let line = line.unwrap_or_default().to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("range: ") {
            range = value.to_string();
        }
        if line.is_empty() {
            break;
        }
    }
    log.lock().unwrap().push(range.clone());
    let start = range.strip_prefix("bytes=").and_then(|r| r.trim_end_matches('-').parse::<usize>().ok());
    let start = start.filter(|_| manner.ranges).unwrap_or(0);
    let (status, start) = match (manner.status, start) {
        (200, start) if start >= content.len() && start > 0 => (416, content.len()),
        (200, start) if start > 0 => (206, start),
        (status, _) => (status, 0),
    };
    let rest = if status >= 400 { &[] } else { &content[start..] };
    let end = manner.breaks.map_or(rest.len(), |count| count.min(rest.len()));
    let head = format!(
        "HTTP/1.1 {status} X\r\nContent-Length: {}\r\nContent-Range: bytes {start}-{}/{}\r\nConnection: close\r\n\r\n",
        rest.len(),
        content.len().saturating_sub(1),
        content.len()
    );
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&rest[..end]));
}

fn content() -> Vec<u8> {
    (0..100_000u32).map(|i| (i.wrapping_mul(i) >> 7) as u8).collect()
}

/// MD5 and SHA-256 of [`content`], by another implementation.
fn md5() -> Checksum {
    Checksum::Md5("3ed5161f9554535ccf1edb0c935bd6d7".into())
}

fn sha256() -> Checksum {
    Checksum::Sha256("6bcecbb09ee6bb930d18d098dabb90c700f3380421c8d78c33ae0f6d11ac3caa".into())
}

fn remote(servers: &[&Server], checksum: Checksum) -> Remote {
    Remote { name: "file.bin".into(), mirrors: servers.iter().map(|server| server.url.clone()).collect(), checksum }
}

fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(directory).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_file_is_fetched_once() {
    let dir = tempdir().unwrap();
    let server = serve(&content(), PLAIN);
    let mut seen = vec![];
    let path =
        download(&remote(&[&server], md5()), dir.path().join("new"), |have, all| seen.push((have, all))).unwrap();
    assert_eq!(fs::read(&path).unwrap(), content());
    assert_eq!(
        (seen.last(), names(path.parent().unwrap())),
        (Some(&(100_000, Some(100_000))), vec!["file.bin".into()])
    );
    assert!(seen.is_sorted());
    download(&remote(&[&server], sha256()), dir.path().join("new"), |_, _| {}).unwrap();
    assert_eq!(server.asked.lock().unwrap().len(), 1);
}

#[test]
fn what_broke_off_is_resumed() {
    let dir = tempdir().unwrap();
    // Three of four parts come, and the fourth.
    let server = serve(&content(), Manner { breaks: Some(30_000), ..PLAIN });
    download(&remote(&[&server], sha256()), dir.path(), |_, _| {}).unwrap();
    assert_eq!(fs::read(dir.path().join("file.bin")).unwrap(), content());
    assert_eq!(*server.asked.lock().unwrap(), ["", "bytes=30000-", "bytes=60000-", "bytes=90000-"]);
    // A part from an earlier run.
    fs::remove_file(dir.path().join("file.bin")).unwrap();
    fs::write(dir.path().join("file.bin.part"), &content()[..70_000]).unwrap();
    let server = serve(&content(), PLAIN);
    download(&remote(&[&server], md5()), dir.path(), |_, _| {}).unwrap();
    assert_eq!(*server.asked.lock().unwrap(), ["bytes=70000-"]);
    // A part that is already whole.
    fs::rename(dir.path().join("file.bin"), dir.path().join("file.bin.part")).unwrap();
    download(&remote(&[&server], md5()), dir.path(), |_, _| {}).unwrap();
    assert_eq!(names(dir.path()), ["file.bin"]);
}

#[test]
fn a_server_without_ranges_starts_over() {
    let dir = tempdir().unwrap();
    fs::write(dir.path().join("file.bin.part"), [9; 500]).unwrap();
    let server = serve(&content(), Manner { ranges: false, ..PLAIN });
    download(&remote(&[&server], md5()), dir.path(), |_, _| {}).unwrap();
    assert_eq!(fs::read(dir.path().join("file.bin")).unwrap(), content());
}

#[test]
fn mirrors_are_asked_in_turn_and_a_wrong_file_is_removed() {
    let dir = tempdir().unwrap();
    let (gone, wrong, good) =
        (serve(&[], Manner { status: 404, ..PLAIN }), serve(b"something else", PLAIN), serve(&content(), PLAIN));
    let error = download(&remote(&[&gone, &wrong], md5()), dir.path(), |_, _| {}).unwrap_err().to_string();
    assert!(
        error.contains("file.bin.part: md5 is ") && error.ends_with("expected 3ed5161f9554535ccf1edb0c935bd6d7"),
        "{error}"
    );
    assert!(names(dir.path()).is_empty());
    let error = download(&remote(&[&gone], md5()), dir.path(), |_, _| {}).unwrap_err().to_string();
    assert_eq!(error, format!("cannot download {}: the server answers 404", gone.url));
    download(&remote(&[&gone, &wrong, &good], md5()), dir.path(), |_, _| {}).unwrap();
    assert_eq!(names(dir.path()), ["file.bin"]);
    // Nobody listens at a port that was just let go.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nobody = Remote { name: "other".into(), mirrors: vec![format!("http://{port}/x")], checksum: md5() };
    let error = download(&nobody, dir.path(), |_, _| {}).unwrap_err().to_string();
    assert!(error.starts_with(&format!("cannot download http://{port}/x: ")), "{error}");
}

#[test]
fn a_file_that_is_there_with_another_checksum_is_refused_and_left() {
    let dir = tempdir().unwrap();
    fs::write(dir.path().join("file.bin"), b"mine").unwrap();
    let server = serve(&content(), PLAIN);
    let error = download(&remote(&[&server], md5()), dir.path(), |_, _| {}).unwrap_err().to_string();
    assert!(
        error.ends_with("file.bin: md5 is 918b81db5e91d031548b963c93845e5b, expected 3ed5161f9554535ccf1edb0c935bd6d7"),
        "{error}"
    );
    assert_eq!(fs::read(dir.path().join("file.bin")).unwrap(), b"mine");
    assert!(server.asked.lock().unwrap().is_empty());
}

#[test]
fn published_files_have_addresses_and_sums() {
    let sets = [
        ("mnist", 4),
        ("fashion_mnist", 4),
        ("kmnist", 4),
        ("emnist", 1),
        ("cifar10", 1),
        ("cifar100", 1),
        ("stl10", 1),
    ];
    for (name, files) in sets {
        let list = published(name).unwrap();
        assert_eq!(list.len(), files, "{name}");
        for file in list {
            assert!(!file.mirrors.is_empty() && file.mirrors.iter().all(|url| url.ends_with(&file.name)), "{file:?}");
            let Checksum::Md5(sum) = &file.checksum else { panic!("{file:?}") };
            assert!(sum.len() == 32 && sum.chars().all(|digit| digit.is_ascii_hexdigit()), "{file:?}");
        }
    }
    assert_eq!(published("imagenet"), None);
}
