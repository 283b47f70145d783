//! Changes that break files where readers look: lengths, counts, magic words, the ends of parts.

use gradus::tensor::Generator;

/// Numbers at which arithmetic goes wrong.
const EDGES: [u64; 16] = [
    0,
    1,
    2,
    3,
    0x7f,
    0x80,
    0xff,
    0x7fff,
    0x8000,
    0xffff,
    0x1_0000,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    u64::MAX / 8,
    u64::MAX,
];
/// Numbers that text formats trip over.
const TEXTS: [&str; 8] =
    ["0", "-1", "65536", "4294967295", "18446744073709551616", "99999999999999999999", "1e999", "\""];
/// Longer files add time and no faults.
const LONGEST: usize = 1 << 17;

/// One to six random changes; `other` is a file to take pieces from.
pub(crate) fn mutate(bytes: &mut Vec<u8>, other: &[u8], g: &mut Generator) {
    for _ in 0..1 + g.below(6) {
        change(bytes, other, g);
    }
    bytes.truncate(LONGEST);
}

fn change(bytes: &mut Vec<u8>, other: &[u8], g: &mut Generator) {
    let len = bytes.len();
    if len == 0 {
        bytes.extend_from_slice(other);
        return;
    }
    // Half of the places lie near the start, where headers are.
    let at = if g.below(2) == 0 { g.below(len) } else { g.below(len.min(64)) };
    let longest = 1 << g.below(8);
    let span = 1 + g.below((len - at).min(longest));
    match g.below(11) {
        0 => bytes[at] ^= 1 << g.below(8),
        1 => bytes[at] = g.bits() as u8,
        2 | 3 => {
            let (width, edge) = (1 << g.below(4), EDGES[g.below(EDGES.len())]);
            let number = if g.below(2) == 0 { edge.to_le_bytes() } else { edge.swap_bytes().to_le_bytes() };
            let number = if number[0] == 0 && edge != 0 { &number[8 - width..] } else { &number[..width] };
            for (byte, new) in bytes[at..].iter_mut().zip(number) {
                *byte = *new;
            }
        }
        4 => bytes[at] = bytes[at].wrapping_add(if g.below(2) == 0 { 1 } else { 255 }),
        5 => drop(bytes.drain(at..at + span)),
        6 => {
            let piece = bytes[at..at + span].to_vec();
            for _ in 0..1 + g.below(4) {
                bytes.splice(at..at, piece.iter().copied());
            }
        }
        7 => {
            let noise: Vec<u8> = (0..span).map(|_| g.bits() as u8).collect();
            bytes.splice(at..at, noise);
        }
        8 if !other.is_empty() => {
            let start = g.below(other.len());
            let end = start + 1 + g.below((other.len() - start).min(256));
            bytes.splice(at..at + span, other[start..end].iter().copied());
        }
        9 => bytes.truncate(at),
        _ => {
            let text = TEXTS[g.below(TEXTS.len())];
            bytes.splice(at..at + span, text.bytes());
        }
    }
}
