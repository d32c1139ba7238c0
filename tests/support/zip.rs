//! Reads the files of a ZIP archive: a workbook holds more than its cells. Of the format only what writers of workbooks
//! use; anything else panics.

/// The files of an archive, each with its path.
pub fn files(archive: &[u8]) -> Vec<(String, Vec<u8>)> {
    let end = archive.windows(4).rposition(|part| part == b"PK\x05\x06");
    let end = end.expect("an archive ends with its directory");
    let mut at = number(archive, end + 16, 4);
    let files = (0..number(archive, end + 10, 2)).map(|_| {
        assert_eq!(&archive[at..at + 4], b"PK\x01\x02");
        let [name, extra, comment] = [28, 30, 32].map(|field| number(archive, at + field, 2));
        let [packed, length, place] = [20, 24, 42].map(|field| number(archive, at + field, 4));
        let path = String::from_utf8(archive[at + 46..at + 46 + name].to_vec()).unwrap();
        let data = place + 30 + number(archive, place + 26, 2) + number(archive, place + 28, 2);
        let data = &archive[data..data + packed];
        let data = match number(archive, at + 10, 2) {
            0 => data.to_vec(),
            8 => inflated(data),
            other => panic!("{path}: method {other}"),
        };
        assert_eq!(data.len(), length, "{path}");
        at += 46 + name + extra + comment;
        (path, data)
    });
    files.collect()
}

/// A number of so many bytes, the least first.
fn number(bytes: &[u8], at: usize, length: usize) -> usize {
    let digits = bytes[at..at + length].iter().rev();
    digits.fold(0, |number, byte| number << 8 | usize::from(*byte))
}

struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn take(&mut self, count: usize) -> usize {
        let mut taken = 0;
        for n in 0..count {
            taken |= usize::from(self.bytes[self.at / 8] >> (self.at % 8) & 1) << n;
            self.at += 1;
        }
        taken
    }
}

/// A Huffman code: how many symbols have codes of which length, and the symbols by code.
struct Code {
    counts: [usize; 16],
    symbols: Vec<usize>,
}

impl Code {
    fn new(lengths: &[usize]) -> Self {
        let mut counts = [0; 16];
        for length in lengths {
            counts[*length] += 1;
        }
        counts[0] = 0;
        let mut symbols: Vec<usize> = (0..lengths.len()).filter(|n| lengths[*n] > 0).collect();
        symbols.sort_by_key(|n| lengths[*n]);
        Self { counts, symbols }
    }

    fn read(&self, bits: &mut Bits<'_>) -> usize {
        let (mut code, mut first, mut before) = (0, 0, 0);
        for count in &self.counts[1..] {
            code |= bits.take(1);
            if code < first + count {
                return self.symbols[before + code - first];
            }
            before += count;
            first = (first + count) << 1;
            code <<= 1;
        }
        panic!("no code of this table")
    }
}

/// RFC 1951.
fn inflated(packed: &[u8]) -> Vec<u8> {
    let mut bits = Bits {
        bytes: packed,
        at: 0,
    };
    let mut out = Vec::new();
    loop {
        let is_last = bits.take(1) == 1;
        match bits.take(2) {
            0 => {
                let at = bits.at.div_ceil(8);
                let length = number(packed, at, 2);
                out.extend(&packed[at + 4..at + 4 + length]);
                bits.at = (at + 4 + length) * 8;
            }
            1 => {
                let lengths = [[8; 144].as_slice(), &[9; 112], &[7; 24], &[8; 8]].concat();
                block(
                    &mut bits,
                    &Code::new(&lengths),
                    &Code::new(&[5; 30]),
                    &mut out,
                );
            }
            2 => {
                let (literals, distances) = codes(&mut bits);
                block(&mut bits, &literals, &distances, &mut out);
            }
            _ => panic!("no kind of block"),
        }
        if is_last {
            return out;
        }
    }
}

/// The codes that stand before a block, themselves in a code.
fn codes(bits: &mut Bits<'_>) -> (Code, Code) {
    const ORDER: [usize; 19] = [
        16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15,
    ];
    let (literals, distances) = (bits.take(5) + 257, bits.take(5) + 1);
    let mut lengths = [0; 19];
    let count = bits.take(4) + 4;
    for place in &ORDER[..count] {
        lengths[*place] = bits.take(3);
    }
    let code = Code::new(&lengths);
    let mut lengths = Vec::new();
    while lengths.len() < literals + distances {
        let (length, times) = match code.read(bits) {
            16 => (*lengths.last().unwrap(), 3 + bits.take(2)),
            17 => (0, 3 + bits.take(3)),
            18 => (0, 11 + bits.take(7)),
            length => (length, 1),
        };
        lengths.extend(std::iter::repeat_n(length, times));
    }
    let (literals, distances) = lengths.split_at(literals);
    (Code::new(literals), Code::new(distances))
}

fn block(bits: &mut Bits<'_>, literals: &Code, distances: &Code, out: &mut Vec<u8>) {
    loop {
        match literals.read(bits) {
            256 => return,
            285 => copy(bits, 258, distances, out),
            length @ 257.. => {
                let length = 3 + stepped(bits, length - 257, 4);
                copy(bits, length, distances, out);
            }
            byte => out.push(u8::try_from(byte).unwrap()),
        }
    }
}

/// Lengths and distances go up by `steps` of 1, then by as many of 2, 4 and so on, with bits for what is between.
fn stepped(bits: &mut Bits<'_>, symbol: usize, steps: usize) -> usize {
    let more = (symbol / steps).saturating_sub(1);
    let base = if symbol < 2 * steps {
        symbol
    } else {
        (steps + symbol % steps) << more
    };
    base + bits.take(more)
}

fn copy(bits: &mut Bits<'_>, length: usize, distances: &Code, out: &mut Vec<u8>) {
    let symbol = distances.read(bits);
    let from = out.len() - 1 - stepped(bits, symbol, 2);
    for at in from..from + length {
        out.push(out[at]);
    }
}
