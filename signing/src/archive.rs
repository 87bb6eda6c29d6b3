//! A folder as one compressed file, and back.
//!
//! In: files by path. Out: a gzipped tar whose bytes depend on the files alone: sorted, owned by nobody, of no time. Folders have
//! entries of their own, since not every reader makes those that have none.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;

use flate2::bufread::GzDecoder;
use flate2::{Compression, GzBuilder};
use tar::{Builder, EntryType, Header};

/// More than this is unpacked of no archive: what we write is far smaller, and a few bytes can claim to be gigabytes.
const MOST: u64 = 1 << 30;

/// A packed folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archive {
    /// The tar.
    pub tar: Vec<u8>,
    /// The tar, compressed.
    pub compressed: Vec<u8>,
}

impl Archive {
    /// Packs files.
    ///
    /// # Errors
    /// When a path is longer than an archive can hold.
    pub fn pack(files: &BTreeMap<&str, &[u8]>) -> std::io::Result<Self> {
        let mut tar = Builder::new(Vec::new());
        let mut made = BTreeSet::new();
        for (path, bytes) in files {
            let folders = path.match_indices('/').filter_map(|(at, _)| path.get(..=at));
            for folder in folders.filter(|folder| made.insert(*folder)).collect::<Vec<_>>() {
                tar.append_data(&mut header(EntryType::Directory, 0o755, 0), folder, std::io::empty())?;
            }
            tar.append_data(&mut header(EntryType::Regular, 0o644, bytes.len() as u64), path, *bytes)?;
        }
        let tar = tar.into_inner()?;
        // The system that made it is "unknown", and there is neither name nor time.
        let mut compressed = GzBuilder::new().operating_system(255).write(Vec::new(), Compression::best());
        std::io::Write::write_all(&mut compressed, &tar)?;
        Ok(Self { tar, compressed: compressed.finish()? })
    }

    /// Returns the files of a compressed archive.
    ///
    /// # Errors
    /// When it is none, or holds something else than files and folders below it, or a file twice, or when more bytes follow: not every
    /// reader stops where another does.
    pub fn unpack(compressed: &[u8]) -> std::io::Result<BTreeMap<String, Vec<u8>>> {
        let other = |what: String| std::io::Error::other(what);
        let (mut decoder, mut tar) = (GzDecoder::new(compressed), Vec::new());
        decoder.by_ref().take(MOST).read_to_end(&mut tar)?;
        if !decoder.into_inner().is_empty() {
            return Err(other("more follows after its end".to_owned()));
        }
        let mut archive = tar::Archive::new(tar.as_slice());
        let mut files = BTreeMap::new();
        for entry in archive.entries()? {
            let mut entry = entry?;
            let path = String::from_utf8(entry.path_bytes().into_owned())
                .map_err(|_| other("a path is not UTF-8".to_owned()))?;
            if path.trim_end_matches('/').split('/').any(|part| matches!(part, "" | "." | "..")) {
                return Err(other(format!("`{path}` leads elsewhere")));
            }
            match entry.header().entry_type() {
                EntryType::Directory => {}
                EntryType::Regular => {
                    let mut bytes = Vec::new();
                    entry.read_to_end(&mut bytes)?;
                    if files.insert(path.clone(), bytes).is_some() {
                        return Err(other(format!("`{path}` is in it twice")));
                    }
                }
                kind => return Err(other(format!("`{path}` is neither a file nor a folder but {kind:?}"))),
            }
        }
        Ok(files)
    }
}

fn header(kind: EntryType, mode: u32, size: u64) -> Header {
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_readers_read_differently_is_refused() {
        let packed = Archive::pack(&BTreeMap::from([("clusters/a/x.yaml", "x".as_bytes())])).unwrap();
        let other = Archive::pack(&BTreeMap::from([("clusters/a/y.yaml", "y".as_bytes())])).unwrap();
        assert_eq!(Archive::unpack(&packed.compressed).unwrap().len(), 1);
        for more in [other.compressed.as_slice(), b"x"] {
            let refused = Archive::unpack(&[&packed.compressed, more].concat()).unwrap_err().to_string();
            assert!(refused.contains("more follows"), "{refused}");
        }
        let named = |path: &str| {
            let mut header = header(EntryType::Regular, 0o644, 1);
            let field = header.as_ustar_mut().unwrap();
            field.name[..path.len()].copy_from_slice(path.as_bytes());
            header.set_cksum();
            let mut tar = Builder::new(Vec::new());
            tar.append(&header, b"x".as_slice()).unwrap();
            let mut compressed = GzBuilder::new().write(Vec::new(), Compression::fast());
            std::io::Write::write_all(&mut compressed, &tar.into_inner().unwrap()).unwrap();
            Archive::unpack(&compressed.finish().unwrap())
        };
        assert!(named("clusters/a/x").is_ok());
        for path in ["clusters/a/../b/x", "/etc/x", "./x", "a//x"] {
            let refused = named(path).unwrap_err().to_string();
            assert!(refused.contains("leads elsewhere"), "{path}: {refused}");
        }
    }

    #[test]
    fn what_is_packed_is_unpacked() {
        let long = format!("30-allow/{}/a.yaml", "n".repeat(63));
        let files: BTreeMap<&str, &[u8]> = BTreeMap::from([
            ("kustomization.yaml", "a: 1\n".as_bytes()),
            (long.as_str(), b""),
            ("30-allow/b/c.yaml", b"x"),
        ]);
        let packed = Archive::pack(&files).unwrap();
        let unpacked = Archive::unpack(&packed.compressed).unwrap();
        let unpacked: BTreeMap<&str, &[u8]> =
            unpacked.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice())).collect();
        assert_eq!(unpacked, files);
        assert_eq!(Archive::pack(&files).unwrap(), packed);
    }

    #[test]
    fn no_time_user_or_system_is_in_it() {
        let packed = Archive::pack(&BTreeMap::from([("a/b", "x".as_bytes())])).unwrap();
        assert_eq!(packed.compressed.get(3..10), Some([0, 0, 0, 0, 0, 2, 255].as_slice()));
        let mut archive = tar::Archive::new(packed.tar.as_slice());
        for entry in archive.entries().unwrap() {
            let header = entry.unwrap().header().clone();
            assert_eq!((header.mtime().unwrap(), header.uid().unwrap(), header.gid().unwrap()), (0, 0, 0));
        }
    }
}
