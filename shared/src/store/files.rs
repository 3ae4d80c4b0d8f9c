//! The port to the file store.
//!
//! Only the few functions that keep files link S3 (ADR 0012) and give the process a [`FileStore`] over it; every other
//! process has [`NoFiles`].

use super::StoreError;
pub use super::folders::Folder;

use super::grants::{FileAction, Grant};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use std::fmt;
use std::time::Duration;

/// The environment variable that names the bucket.
pub const BUCKET_VARIABLE: &str = "FILES_BUCKET";
/// The name of the local bucket, and with it the first segment of local links.
pub const LOCAL_BUCKET: &str = "files";
/// Days after which an export is removed, even if somebody still has its link. A link is valid for hours at most.
pub const EXPORT_DAYS: u16 = 2;
/// Bytes of one part of a big file. S3 demands at least 5 MB for every part but the last, and at most 10,000 parts.
pub const PART_BYTES: usize = 8 * 1024 * 1024;

/// What serving a picture needs.
pub const SERVE: &[Grant] = &[Grant::files(Folder::Pictures, FileAction::GetObject)];
/// What storing a picture needs.
pub const DRAW: &[Grant] = &[Grant::files(Folder::Pictures, FileAction::PutObject)];
/// What writing an export and its link need: a link can do only what its signer may do.
pub const EXPORT: &[Grant] = &[
    Grant::files(Folder::Exports, FileAction::AbortMultipartUpload),
    Grant::files(Folder::Exports, FileAction::GetObject),
    Grant::files(Folder::Exports, FileAction::PutObject),
];

/// The name of a file. It cannot be made from arbitrary text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileKey {
    folder: Folder,
    key: String,
}

impl FileKey {
    /// The key of a new export: `RANDOM-users.csv` (reference/stepchat.md §3.5). The number must be unlikely to repeat,
    /// not secret.
    #[must_use]
    pub fn fresh_export() -> Self {
        Self { folder: Folder::Exports, key: format!("{}/{}-users.csv", Folder::Exports, fastrand::u64(..)) }
    }

    /// The key of a picture: `uploads/DD-MM-YY/N.png`, the form of the original's addresses; `None` unless `day` is
    /// `DD-MM-YY`.
    #[must_use]
    pub fn picture(day: &str, number: u64) -> Option<Self> {
        let digits = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        let is_day = day.len() == 8 && day.split('-').count() == 3 && day.split('-').all(digits);
        is_day.then(|| Self { folder: Folder::Pictures, key: format!("{}/{day}/{number}.png", Folder::Pictures) })
    }

    /// The key of the picture that `DD-MM-YY/N.png` names; `None` for any other text.
    #[must_use]
    pub fn parse_picture(text: &str) -> Option<Self> {
        let (day, file) = text.split_once('/')?;
        let number = file.strip_suffix(".png")?;
        let key = Self::picture(day, number.parse().ok()?)?;
        // One spelling only: no sign, no leading zeros.
        (key.key.ends_with(&format!("/{number}.png"))).then_some(key)
    }

    /// The folder that the file is in.
    #[must_use]
    pub const fn folder(&self) -> Folder {
        self.folder
    }

    /// The whole key.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.key
    }
}

/// A part that has been stored: its number, and the store's tag for its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Counted from 1.
    pub number: i32,
    /// The store's tag for the content.
    pub tag: String,
}

/// A store of files. Every file is written once and completely: nobody reads half a file, and no file is replaced.
pub trait FileStore: fmt::Debug + Send + Sync {
    /// Stores a file; `false` if there is one of this name already, which is then left as it is.
    fn create<'a>(&'a self, key: &'a FileKey, content: Bytes) -> BoxFuture<'a, Result<bool, StoreError>>;

    /// Reads a file; `None` if there is none.
    fn read<'a>(&'a self, key: &'a FileKey) -> BoxFuture<'a, Result<Option<Bytes>, StoreError>>;

    /// Begins a file that comes in parts; returns the name of the upload.
    fn begin<'a>(&'a self, key: &'a FileKey) -> BoxFuture<'a, Result<String, StoreError>>;

    /// Stores one part.
    fn part<'a>(
        &'a self,
        key: &'a FileKey,
        upload: &'a str,
        number: i32,
        content: Bytes,
    ) -> BoxFuture<'a, Result<Part, StoreError>>;

    /// Makes a file of its parts.
    fn complete<'a>(
        &'a self,
        key: &'a FileKey,
        upload: &'a str,
        parts: Vec<Part>,
    ) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Forgets an upload and its parts.
    fn abandon<'a>(&'a self, key: &'a FileKey, upload: &'a str) -> BoxFuture<'a, Result<(), StoreError>>;

    /// A link by which anybody may read the file for the time `valid`. `origin` is the scheme and host that the caller
    /// used: the local store is reached there.
    fn link<'a>(
        &'a self,
        key: &'a FileKey,
        valid: Duration,
        origin: &'a str,
    ) -> BoxFuture<'a, Result<String, StoreError>>;
}

/// The file store of a process that keeps no files: it refuses every call.
#[derive(Debug, Clone, Copy)]
pub struct NoFiles;

impl NoFiles {
    fn refused<T: Send + 'static>() -> BoxFuture<'static, Result<T, StoreError>> {
        Box::pin(async { Err(StoreError::Refused("this process keeps no files".into())) })
    }
}

impl FileStore for NoFiles {
    fn create<'a>(&'a self, _: &'a FileKey, _: Bytes) -> BoxFuture<'a, Result<bool, StoreError>> {
        Self::refused()
    }

    fn read<'a>(&'a self, _: &'a FileKey) -> BoxFuture<'a, Result<Option<Bytes>, StoreError>> {
        Self::refused()
    }

    fn begin<'a>(&'a self, _: &'a FileKey) -> BoxFuture<'a, Result<String, StoreError>> {
        Self::refused()
    }

    fn part<'a>(&'a self, _: &'a FileKey, _: &'a str, _: i32, _: Bytes) -> BoxFuture<'a, Result<Part, StoreError>> {
        Self::refused()
    }

    fn complete<'a>(&'a self, _: &'a FileKey, _: &'a str, _: Vec<Part>) -> BoxFuture<'a, Result<(), StoreError>> {
        Self::refused()
    }

    fn abandon<'a>(&'a self, _: &'a FileKey, _: &'a str) -> BoxFuture<'a, Result<(), StoreError>> {
        Self::refused()
    }

    fn link<'a>(&'a self, _: &'a FileKey, _: Duration, _: &'a str) -> BoxFuture<'a, Result<String, StoreError>> {
        Self::refused()
    }
}

/// A file of any size that is written piece by piece, with only one part of it in memory.
#[derive(Debug)]
pub struct Upload<'a> {
    files: &'a dyn FileStore,
    key: &'a FileKey,
    buffer: Vec<u8>,
    begun: Option<String>,
    parts: Vec<Part>,
}

impl<'a> Upload<'a> {
    /// An upload of which nothing is stored yet.
    #[must_use]
    pub fn new(files: &'a dyn FileStore, key: &'a FileKey) -> Self {
        Self { files, key, buffer: Vec::new(), begun: None, parts: Vec::new() }
    }

    /// Appends bytes. After a failure nothing is left of the file.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.buffer.extend_from_slice(bytes);
        while self.buffer.len() >= PART_BYTES {
            let rest = self.buffer.split_off(PART_BYTES);
            let part = std::mem::replace(&mut self.buffer, rest);
            if let Err(error) = self.store(part.into()).await {
                return Err(self.abandoned(error).await);
            }
        }
        Ok(())
    }

    /// Completes the file. A small file takes a single call.
    pub async fn finish(mut self) -> Result<(), StoreError> {
        let rest = Bytes::from(std::mem::take(&mut self.buffer));
        if self.begun.is_none() {
            let made = self.files.create(self.key, rest).await?;
            return made.then_some(()).ok_or_else(|| StoreError::Refused(format!("{} is there", self.key.as_str())));
        }
        match self.completed(rest).await {
            Ok(()) => Ok(()),
            Err(error) => Err(self.abandoned(error).await),
        }
    }

    async fn completed(&mut self, rest: Bytes) -> Result<(), StoreError> {
        if !rest.is_empty() {
            self.store(rest).await?;
        }
        let upload = self.begun.clone().unwrap_or_default();
        self.files.complete(self.key, &upload, std::mem::take(&mut self.parts)).await
    }

    async fn store(&mut self, content: Bytes) -> Result<(), StoreError> {
        let upload = match &self.begun {
            Some(upload) => upload.clone(),
            None => self.begun.insert(self.files.begin(self.key).await?).clone(),
        };
        let number = i32::try_from(self.parts.len()).unwrap_or(i32::MAX).saturating_add(1);
        let part = self.files.part(self.key, &upload, number, content).await?;
        self.parts.push(part);
        Ok(())
    }

    /// Removes the parts stored so far. What cannot be removed now is removed by the bucket's lifecycle rule.
    async fn abandoned(&self, error: StoreError) -> StoreError {
        if let Some(upload) = &self.begun {
            let _ = self.files.abandon(self.key, upload).await;
        }
        error
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_has_one_spelling() {
        let key = FileKey::picture("22-11-26", 9_455_859).unwrap();
        assert_eq!(key.as_str(), "uploads/22-11-26/9455859.png");
        assert_eq!(FileKey::parse_picture("22-11-26/9455859.png"), Some(key));
        for other in [
            "22-11-26/09455859.png",
            "22-11-26/+9455859.png",
            "22-11-2026/1.png",
            "22-11-26/1.svg",
            "../exports/1.png",
            "22-11-26/../1.png",
            "22-11-26/18446744073709551616.png",
            "22-11-26/.png",
            "22-11-26",
        ] {
            assert_eq!(FileKey::parse_picture(other), None, "{other}");
        }
    }

    #[test]
    fn a_key_tells_its_folder() {
        assert_eq!(Folder::of(FileKey::fresh_export().as_str()), Some(Folder::Exports));
        assert_eq!(Folder::of("uploads/22-11-26/1.png"), Some(Folder::Pictures));
        assert_eq!(Folder::of("uploads"), None);
    }
}
