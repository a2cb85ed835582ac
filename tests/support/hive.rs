//! A writer of registry hives, byte for byte: hivex changes hives, but makes none.
//!
//! Format: M. Suhanov's specification of the Windows registry file. Bins of 4 KiB and more, cells that
//! cross none, key lists of every kind that Windows writes (`lf`, `lh`, `ri` over `lh`), one descriptor.

/// A key to be written.
#[derive(Debug, Clone, Default)]
pub struct Key {
    pub name: String,
    pub values: Vec<(String, u32, Vec<u8>)>,
    pub keys: Vec<Key>,
}

pub fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

impl Key {
    pub fn root() -> Self {
        Self { name: "CMI-CreateHive{2A7FB991-7BBE-4F9D-B91E-7CB51D4737F5}".into(), ..Self::default() }
    }

    /// The key at a path below this one, made where it is not there.
    pub fn at(&mut self, path: &str) -> &mut Self {
        path.split('\\').filter(|part| !part.is_empty()).fold(self, |key, part| {
            let place = key.keys.iter().position(|below| below.name.eq_ignore_ascii_case(part));
            let place = place.unwrap_or_else(|| {
                key.keys.push(Key { name: part.into(), ..Self::default() });
                key.keys.len() - 1
            });
            &mut key.keys[place]
        })
    }

    pub fn raw(&mut self, name: &str, kind: u32, data: &[u8]) -> &mut Self {
        self.values.retain(|(other, ..)| !other.eq_ignore_ascii_case(name));
        self.values.push((name.into(), kind, data.to_vec()));
        self
    }

    pub fn dword(&mut self, name: &str, number: u32) -> &mut Self {
        self.raw(name, 4, &number.to_le_bytes())
    }

    pub fn text(&mut self, name: &str, text: &str) -> &mut Self {
        self.raw(name, 1, &utf16(&format!("{text}\0")))
    }

    pub fn expanded(&mut self, name: &str, text: &str) -> &mut Self {
        self.raw(name, 2, &utf16(&format!("{text}\0")))
    }

    pub fn list(&mut self, name: &str, texts: &[&str]) -> &mut Self {
        let joined: String = texts.iter().map(|text| format!("{text}\0")).chain(["\0".into()]).collect();
        self.raw(name, 7, &utf16(&joined))
    }

    pub fn count(&self) -> u32 {
        1 + self.keys.iter().map(Key::count).sum::<u32>()
    }
}

/// How key lists are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lists {
    /// With the first four letters.
    Lf,
    /// With hashes, since Windows XP; long ones below an `ri`.
    Lh,
}

/// The bytes of a hive with these keys, closed after write 17.
pub fn bytes(root: &Key, lists: Lists) -> Vec<u8> {
    let mut bins = Bins { bytes: Vec::new(), used: 0, end: 0, lists };
    let at = bins.key(root, u32::MAX, None);
    bins.close();
    let mut hive = vec![0; 4096];
    hive[..4].copy_from_slice(b"regf");
    for (place, number) in
        [(4, 17), (8, 17), (20, 1), (24, 5), (32, 1), (36, at), (40, bins.bytes.len() as u32), (44, 1)]
    {
        put(&mut hive, place, number);
    }
    hive[12..20].copy_from_slice(&TIME.to_le_bytes());
    hive[48..62].copy_from_slice(&utf16("SYSTEM\0"));
    seal(&mut hive);
    hive.extend(bins.bytes);
    hive
}

/// 1 November 2026, as Windows counts.
const TIME: u64 = 134_064_288_000_000_000;

pub fn put(bytes: &mut [u8], at: usize, number: u32) {
    bytes[at..at + 4].copy_from_slice(&number.to_le_bytes());
}

/// The checksum of the first block.
pub fn seal(hive: &mut [u8]) {
    let word = |chunk: &[u8]| u32::from_le_bytes(chunk.try_into().unwrap());
    let sum = hive[..508].chunks_exact(4).fold(0, |sum, chunk| sum ^ word(chunk));
    put(
        hive,
        508,
        match sum {
            0 => 1,
            u32::MAX => u32::MAX - 1,
            sum => sum,
        },
    );
}

struct Bins {
    bytes: Vec<u8>,
    used: usize,
    end: usize,
    lists: Lists,
}

impl Bins {
    /// A cell with this content; its offset. Eight bytes are the grain, and no cell crosses a bin.
    fn cell(&mut self, content: &[u8]) -> u32 {
        let size = (content.len() + 4).next_multiple_of(8);
        if self.used + size > self.end {
            self.close();
            self.open(size);
        }
        let at = self.used;
        put(&mut self.bytes, at, (size as i32).wrapping_neg() as u32);
        self.bytes[at + 4..at + 4 + content.len()].copy_from_slice(content);
        self.used += size;
        at as u32
    }

    fn open(&mut self, size: usize) {
        let length = (size + 32).next_multiple_of(4096);
        let start = self.bytes.len();
        self.bytes.resize(start + length, 0);
        self.bytes[start..start + 4].copy_from_slice(b"hbin");
        put(&mut self.bytes, start + 4, start as u32);
        put(&mut self.bytes, start + 8, length as u32);
        (self.used, self.end) = (start + 32, start + length);
    }

    /// The rest of the bin is one free cell.
    fn close(&mut self) {
        if self.used < self.end {
            let rest = (self.end - self.used) as u32;
            put(&mut self.bytes, self.used, rest);
            self.used = self.end;
        }
    }

    fn descriptor(&mut self, users: u32) -> u32 {
        // It stands right behind the root, of which readers expect that it is the first cell. Self-relative, with a list that grants administrators everything.
        let sid = [1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0];
        let mut descriptor = vec![1, 0, 4, 0x80];
        descriptor.extend([52u32, 68, 0, 20].into_iter().flat_map(u32::to_le_bytes));
        descriptor.extend([2, 0, 32, 0, 1, 0, 0, 0, 0, 2, 24, 0, 0x3f, 0, 0xf, 0].into_iter().chain(sid));
        assert_eq!(descriptor.len(), 52);
        descriptor.extend(sid.into_iter().chain(sid));
        let mut cell = b"sk\0\0".to_vec();
        let at = self.used as u32;
        cell.extend([at, at, users, descriptor.len() as u32].into_iter().flat_map(u32::to_le_bytes));
        cell.extend(descriptor);
        assert_eq!(self.cell(&cell), at);
        at
    }

    fn key(&mut self, key: &Key, parent: u32, descriptor: Option<u32>) -> u32 {
        let mut cell = vec![0u8; 76];
        cell[..2].copy_from_slice(b"nk");
        cell[2] = if descriptor.is_none() { 0x2c } else { 0x20 };
        cell[4..12].copy_from_slice(&TIME.to_le_bytes());
        for (place, number) in [(16, parent), (32, u32::MAX), (48, u32::MAX)] {
            put(&mut cell, place, number);
        }
        cell[72..74].copy_from_slice(&(key.name.len() as u16).to_le_bytes());
        cell.extend(key.name.as_bytes());
        let at = self.cell(&cell);
        let descriptor = descriptor.unwrap_or_else(|| self.descriptor(key.count()));
        let values = self.values(&key.values);
        let (count, list) = self.keys(key, at, descriptor);
        let longest = |lengths: &mut dyn Iterator<Item = usize>| lengths.max().unwrap_or(0) as u32;
        let fields = [
            (20, count),
            (28, list),
            (36, key.values.len() as u32),
            (40, values),
            (44, descriptor),
            (52, longest(&mut key.keys.iter().map(|key| 2 * key.name.len()))),
            (60, longest(&mut key.values.iter().map(|(name, ..)| 2 * name.len()))),
            (64, longest(&mut key.values.iter().map(|(.., data)| data.len()))),
        ];
        for (place, number) in fields {
            put(&mut self.bytes, at as usize + 4 + place, number);
        }
        at
    }

    fn values(&mut self, values: &[(String, u32, Vec<u8>)]) -> u32 {
        if values.is_empty() {
            return u32::MAX;
        }
        let places: Vec<u32> = values.iter().map(|(name, kind, data)| self.value(name, *kind, data)).collect();
        self.cell(&places.into_iter().flat_map(u32::to_le_bytes).collect::<Vec<u8>>())
    }

    fn value(&mut self, name: &str, kind: u32, data: &[u8]) -> u32 {
        assert!(data.len() <= 16344, "larger data needs blocks, which this writer has not");
        let (length, place) = if data.len() <= 4 {
            let mut inline = [0; 4];
            inline[..data.len()].copy_from_slice(data);
            (data.len() as u32 | 0x8000_0000, u32::from_le_bytes(inline))
        } else {
            (data.len() as u32, self.cell(data))
        };
        let mut cell = b"vk".to_vec();
        cell.extend((name.len() as u16).to_le_bytes());
        cell.extend([length, place, kind].into_iter().flat_map(u32::to_le_bytes));
        cell.extend([u8::from(!name.is_empty()), 0, 0, 0]);
        cell.extend(name.as_bytes());
        self.cell(&cell)
    }

    /// How many keys there are below, and where their list is: sorted, as Windows searches it.
    fn keys(&mut self, key: &Key, at: u32, descriptor: u32) -> (u32, u32) {
        let mut keys: Vec<&Key> = key.keys.iter().collect();
        keys.sort_by_key(|key| key.name.to_ascii_uppercase());
        let places: Vec<(u32, &str)> =
            keys.into_iter().map(|key| (self.key(key, at, Some(descriptor)), key.name.as_str())).collect();
        let count = places.len() as u32;
        let list = match places.chunks(1000).collect::<Vec<_>>().as_slice() {
            [] => u32::MAX,
            [one] => self.list(one),
            many => {
                let lists: Vec<u32> = many.iter().map(|places| self.list(places)).collect();
                let mut cell = b"ri".to_vec();
                cell.extend((lists.len() as u16).to_le_bytes());
                cell.extend(lists.into_iter().flat_map(u32::to_le_bytes));
                self.cell(&cell)
            }
        };
        (count, list)
    }

    fn list(&mut self, places: &[(u32, &str)]) -> u32 {
        let mut cell = match self.lists {
            Lists::Lf => b"lf".to_vec(),
            Lists::Lh => b"lh".to_vec(),
        };
        cell.extend((places.len() as u16).to_le_bytes());
        for (place, name) in places {
            cell.extend(place.to_le_bytes());
            let upper = name.to_ascii_uppercase();
            match self.lists {
                Lists::Lf => cell.extend(name.bytes().chain([0; 4]).take(4)),
                Lists::Lh => {
                    let hash = upper.bytes().fold(0u32, |hash, b| hash.wrapping_mul(37).wrapping_add(b.into()));
                    cell.extend(hash.to_le_bytes());
                }
            }
        }
        self.cell(&cell)
    }
}
