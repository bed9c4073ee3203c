//! The spool folder: what is in it, oldest first, and how a file leaves it: removed after the database has its record, or
//! moved to `refused/` with the reason beside it. A file is never opened through a link, and never lost.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail};
use rustix::fs::OFlags;

use super::statement::MAX_BYTES;

const REFUSED: &str = "refused";

#[derive(Debug)]
pub struct Spool {
    folder: PathBuf,
    refused: PathBuf,
    /// One agent per spool: held as long as the agent lives.
    _lock: File,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    pub modified: SystemTime,
    pub name: OsString,
}

impl Entry {
    pub fn age(&self) -> Duration {
        // A clock that was set back makes nothing old.
        self.modified.elapsed().unwrap_or_default()
    }
}

#[derive(Debug, PartialEq, Eq)]
pub enum Content {
    /// At most one byte more than a record may have.
    Bytes(Vec<u8>),
    /// A link, a folder, a pipe.
    NoFile,
}

impl Spool {
    pub fn open(folder: &Path) -> Result<Self> {
        let shown = folder.display();
        let lock = File::open(folder).with_context(|| {
            format!("cannot open the spool {shown}: make it with `install -d -o asterisk -g asterisk -m 2770 {shown}`")
        })?;
        if !lock.metadata()?.is_dir() {
            bail!("the spool {shown} is no folder");
        }
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => bail!("another agent works on the spool {shown}"),
            Err(fs::TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("cannot lock the spool {shown}"));
            }
        }
        let spool = Self {
            refused: folder.join(REFUSED),
            folder: folder.to_owned(),
            _lock: lock,
        };
        spool.check_rights().with_context(|| {
            format!("the agent may not write into the spool {shown}: is it in Asterisk's group?")
        })?;
        Ok(spool)
    }

    /// Replayed files are removed and refused ones moved, so both folders must be writable. A full disk is no reason not
    /// to start: replaying is what empties it.
    fn check_rights(&self) -> io::Result<()> {
        use rustix::fs::{Access, access};
        access(&self.folder, Access::WRITE_OK | Access::EXEC_OK)?;
        match fs::create_dir(&self.refused) {
            Err(error) if error.kind() == ErrorKind::PermissionDenied => Err(error),
            _ => Ok(()),
        }
    }

    /// The records that wait, oldest first.
    pub fn scan(&self) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let name = entry.file_name();
            if !is_record(&name) {
                continue;
            }
            match entry.metadata() {
                Ok(metadata) => entries.push(Entry {
                    modified: metadata.modified()?,
                    name,
                }),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        entries.sort();
        Ok(entries)
    }

    pub fn read(&self, name: &OsStr) -> io::Result<Content> {
        let path = self.folder.join(name);
        if !fs::symlink_metadata(&path)?.is_file() {
            return Ok(Content::NoFile);
        }
        // Whatever was put into its place meanwhile: no link is followed, no pipe waited for.
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(flags.bits().cast_signed())
            .open(&path)?;
        if !file.metadata()?.is_file() {
            return Ok(Content::NoFile);
        }
        let mut bytes = Vec::new();
        file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
        Ok(Content::Bytes(bytes))
    }

    /// Only for a file whose record the database has: should a crash bring it back, its record is there already.
    pub fn remove(&self, name: &OsStr) -> io::Result<()> {
        fs::remove_file(self.folder.join(name))
    }

    /// The reason is on disk before the file moves, so no refused file is without one.
    pub fn set_aside(&self, name: &OsStr, reason: &str) -> io::Result<()> {
        match fs::create_dir(&self.refused) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        let target = self.free_name(name);
        let mut file = File::create(self.refused.join(with_suffix(&target, ".reason")))?;
        file.write_all(format!("{reason}\n").as_bytes())?;
        file.sync_all()?;
        fs::rename(self.folder.join(name), self.refused.join(&target))?;
        File::open(&self.refused)?.sync_all()?;
        File::open(&self.folder)?.sync_all()
    }

    /// One that was set aside before under the same name stays.
    fn free_name(&self, name: &OsStr) -> OsString {
        let mut free = name.to_owned();
        let mut n = 1;
        while fs::symlink_metadata(self.refused.join(&free)).is_ok() {
            n += 1;
            free = with_suffix(name, &format!(".{n}"));
        }
        free
    }

    pub fn refused_files(&self) -> io::Result<usize> {
        let mut count = 0;
        match fs::read_dir(&self.refused) {
            Ok(entries) => {
                for entry in entries {
                    let name = entry?.file_name();
                    count += usize::from(!name.as_encoded_bytes().ends_with(b".reason"));
                }
                Ok(count)
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(0),
            Err(error) => Err(error),
        }
    }

    /// Room for further records, in bytes.
    pub fn free_bytes(&self) -> io::Result<u64> {
        let disk = rustix::fs::statvfs(&self.folder)?;
        // Some file systems count no inodes.
        let no_inode_left = disk.f_files > 0 && disk.f_favail == 0;
        Ok(if no_inode_left {
            0
        } else {
            disk.f_bavail * disk.f_frsize
        })
    }
}

fn is_record(name: &OsStr) -> bool {
    name.as_encoded_bytes().ends_with(b".sql")
}

fn with_suffix(name: &OsStr, suffix: &str) -> OsString {
    let mut name = name.to_owned();
    name.push(suffix);
    name
}
