//! The folder that keeps a run: a `FORMAT` file, the database, the secrets and the tokens' key.
//!
//! A folder of another format, or one that holds anything else, is refused before anything in it changes. The lock on
//! `FORMAT` lasts as long as the value: two runs never share a folder.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

const FORMAT: &str = "1";

/// An opened and locked data directory.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    _lock: File,
}

/// Why a folder can't keep a run.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// Written by another version.
    #[error(
        "the data directory {path} has format {found}, and this version reads format {FORMAT}: use the version that made it, or name another directory"
    )]
    UnknownFormat {
        /// The folder.
        path: String,
        /// What its `FORMAT` says.
        found: String,
    },
    /// Not one of ours.
    #[error("the directory {0} holds other files and no FORMAT file: name a new or empty directory")]
    NotOurs(String),
    /// Another run has it open.
    #[error("the data directory {0} is in use by another run: stop that one, or name another directory")]
    InUse(String),
    /// The file system refused.
    #[error("the data directory {path} could not be opened: {source}")]
    Io {
        /// The folder.
        path: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl DataDir {
    /// Whether a run was kept in this folder before; nothing is opened or made.
    #[must_use]
    pub fn is_begun(path: &Path) -> bool {
        path.join("FORMAT").exists()
    }

    /// Opens a folder, or makes it if it is new or empty.
    ///
    /// # Errors
    /// A folder of another format, of somebody else, in use, or out of reach.
    pub fn open(path: &Path) -> Result<Self, DataDirError> {
        let name = path.display().to_string();
        let failed = |source| DataDirError::Io { path: name.clone(), source };
        let format_path = path.join("FORMAT");
        match fs::read_to_string(&format_path) {
            Ok(text) if text.trim() == FORMAT => {}
            Ok(text) => return Err(DataDirError::UnknownFormat { path: name, found: shortened(text.trim()) }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                create_private_dir(path).map_err(failed)?;
                if fs::read_dir(path).map_err(failed)?.next().is_some() {
                    return Err(DataDirError::NotOurs(name));
                }
                fs::write(&format_path, format!("{FORMAT}\n")).map_err(failed)?;
            }
            Err(error) => return Err(failed(error)),
        }
        let lock = File::open(&format_path).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(DataDirError::InUse(name)),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }

    /// The path of a file in it.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

fn create_private_dir(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Writes a file that only its owner may read: whole, or not at all.
///
/// # Errors
/// What the file system said.
pub fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    let draft = path.with_extension("new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&draft)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&draft, path)
}

fn shortened(text: &str) -> String {
    text.chars().take(20).map(|letter| if letter.is_control() { '?' } else { letter }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_folder_is_made_and_opens_again_once_it_is_let_go() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("new");
        let first = DataDir::open(&path).unwrap();
        assert!(matches!(DataDir::open(&path), Err(DataDirError::InUse(_))));
        drop(first);
        assert!(DataDir::open(&path).is_ok());
    }

    #[test]
    fn a_folder_of_another_format_or_of_somebody_else_is_refused_unchanged() {
        let root = tempfile::tempdir().unwrap();
        let other = root.path().join("other");
        fs::create_dir(&other).unwrap();
        fs::write(other.join("photo"), "x").unwrap();
        assert!(matches!(DataDir::open(&other), Err(DataDirError::NotOurs(_))));
        fs::write(other.join("FORMAT"), "7\n").unwrap();
        let error = DataDir::open(&other).unwrap_err();
        assert!(error.to_string().contains("format 7"), "{error}");
        let names = fs::read_dir(&other).unwrap().count();
        assert_eq!(names, 2);
    }

    #[cfg(unix)]
    #[test]
    fn a_private_file_is_readable_by_its_owner_only() {
        use std::os::unix::fs::PermissionsExt as _;
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("secrets.json");
        write_private(&path, b"{}").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
