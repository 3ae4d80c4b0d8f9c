//! S3 inside the process: a bucket in the state folder. The real SDK calls it without a socket in between. The API's
//! server also serves the bucket, so that signed links lead to the host that the caller knows.

use anyhow::{Context, Result};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HOST, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Method, StatusCode};
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s_fs::FileSystem;
use shared::store::Endpoint;
use shared::store::files::{EXPORT_DAYS, FileStore, Folder, LOCAL_BUCKET};
use shared_files::{Links, S3Files};
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// The access key id of the local bucket.
pub const ACCESS_KEY_ID: &str = "local";
/// The address by which the SDK calls the bucket inside the process; no socket listens on it.
const EMBEDDED: &str = "http://embedded";
const DAY: Duration = Duration::from_hours(24);
/// How long a request may take until its answer begins: as long as a request of the APIs.
const ANSWER_TIME: Duration = Duration::from_secs(30);

/// An embedded bucket.
#[derive(Clone)]
pub struct Files {
    service: S3Service,
    folder: PathBuf,
    secret: String,
    _cleanup: Option<Arc<RemovedOnDrop>>,
}

/// A folder that is removed when its last [`Files`] is dropped.
#[derive(Debug)]
struct RemovedOnDrop(PathBuf);

impl Drop for RemovedOnDrop {
    fn drop(&mut self) {
        // A folder that cannot be removed now is removed by the next [`Files::ephemeral_in`].
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl fmt::Debug for Files {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Files").field("folder", &self.folder).finish_non_exhaustive()
    }
}

/// Media types are compared without regard to case.
fn is_multipart(kind: &HeaderValue) -> bool {
    kind.as_bytes().trim_ascii_start().get(..10).is_some_and(|start| start.eq_ignore_ascii_case(b"multipart/"))
}

impl Files {
    /// A bucket in a folder, for requests that are signed with `secret`.
    pub fn open(folder: &Path, secret: &str) -> Result<Self> {
        let bucket = folder.join(LOCAL_BUCKET);
        fs::create_dir_all(&bucket).with_context(|| format!("cannot make {}", bucket.display()))?;
        let files =
            FileSystem::new(folder).map_err(|error| anyhow::anyhow!("cannot use {}: {error:?}", folder.display()))?;
        let mut service = S3ServiceBuilder::new(files);
        service.set_auth(SimpleAuth::from_single(ACCESS_KEY_ID, secret));
        Ok(Self { service: service.build(), folder: folder.to_owned(), secret: secret.to_owned(), _cleanup: None })
    }

    /// A bucket in a new folder for its owner only, which is removed when the process ends.
    pub fn temporary(secret: &str) -> Result<Self> {
        let mut folder = tempfile::Builder::new();
        #[cfg(unix)]
        folder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
        let folder = folder.prefix("switchboard-files-").tempdir()?;
        let files = Self::open(folder.path(), secret)?;
        Ok(Self { _cleanup: Some(Arc::new(RemovedOnDrop(folder.keep()))), ..files })
    }

    /// A bucket in this folder, which is removed when the process ends. What a killed process left there is removed
    /// first.
    pub fn ephemeral_in(folder: &Path, secret: &str) -> Result<Self> {
        match fs::remove_dir_all(folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("cannot remove {}", folder.display()));
            }
            _ => {}
        }
        let files = Self::open(folder, secret)?;
        Ok(Self { _cleanup: Some(Arc::new(RemovedOnDrop(folder.to_owned()))), ..files })
    }

    /// The bucket's credentials, with `url` as its address.
    #[must_use]
    pub fn endpoint(&self, url: &str) -> Endpoint {
        Endpoint { secret_access_key: self.secret.clone().into(), ..Endpoint::emulator(Some(url.to_owned())) }
    }

    /// The file store on this bucket.
    #[must_use]
    pub fn store(&self) -> Arc<dyn FileStore> {
        Arc::new(S3Files::new(&self.endpoint(EMBEDDED), LOCAL_BUCKET, self.transport(), Links::CallersHost))
    }

    /// A transport into this bucket.
    #[must_use]
    pub fn transport(&self) -> SharedHttpClient {
        let connector = self.connector();
        http_client_fn(move |_, _| connector.clone())
    }

    /// The connector under the transport.
    #[must_use]
    pub fn connector(&self) -> SharedHttpConnector {
        SharedHttpConnector::new(Connector(self.clone()))
    }

    /// Adds the bucket to other routes, below the bucket's name. Links are signed over host and path, so both are left
    /// as they are.
    pub fn add_routes(self, routes: Router) -> Router {
        let path = format!("/{LOCAL_BUCKET}/{{*key}}");
        routes.route(&path, any(move |request: Request| async move { self.answer_request(request).await }))
    }

    /// Answers a request that is signed with the files' secret, such as one of a function on the same machine, or that
    /// follows a link.
    async fn answer_request(&self, request: Request) -> Response {
        let head = request.headers();
        let signed = head.get(AUTHORIZATION).is_some_and(|text| text.as_bytes().starts_with(b"AWS4-HMAC-SHA256 "));
        // A form would be read and parsed, however large, before its signature is checked; and web pages can send
        // forms.
        let form = head.get_all(CONTENT_TYPE).iter().any(is_multipart);
        let answered = async {
            match *request.method() {
                Method::GET | Method::HEAD if !signed => self.answer_link(request).await,
                _ if signed && !form => self.answer(request).await,
                _ => StatusCode::METHOD_NOT_ALLOWED.into_response(),
            }
        };
        let answered = tokio::time::timeout(ANSWER_TIME, answered).await;
        answered.unwrap_or_else(|_| StatusCode::REQUEST_TIMEOUT.into_response())
    }

    /// Answers a request that follows a link. Links are signed for reading, so a `HEAD` request is answered like a
    /// `GET` request, without the body.
    async fn answer_link(&self, mut request: Request) -> Response {
        let only_head = std::mem::replace(request.method_mut(), Method::GET) == Method::HEAD;
        let (mut head, body) = self.answer(request).await.into_parts();
        // An export holds the data of all users: no cache may keep it, and no browser may guess its media type.
        head.headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        head.headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        Response::from_parts(head, if only_head { Body::empty() } else { body })
    }

    async fn answer(&self, request: Request) -> Response {
        let request = request.map(s3s::Body::http_body_unsync);
        match self.service.call(request).await {
            Ok(response) => response.map(Body::new),
            Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        }
    }

    /// Removes expired exports, and the parts of uploads that were never finished, as the rules of the deployed bucket
    /// do. Returns how many files were removed.
    pub fn sweep(&self) -> io::Result<usize> {
        let mut removed = 0;
        let exports = self.folder.join(LOCAL_BUCKET).join(Folder::Exports.as_str());
        for name in older_than(&exports, DAY.saturating_mul(u32::from(EXPORT_DAYS)))? {
            fs::remove_file(exports.join(&name))?;
            for sidecar in ["metadata", "internal"] {
                let key = URL_SAFE_NO_PAD.encode(format!("{}/{name}", Folder::Exports));
                let bucket = URL_SAFE_NO_PAD.encode(LOCAL_BUCKET);
                // The file may not exist.
                let _ = fs::remove_file(self.folder.join(format!(".bucket-{bucket}.object-{key}.{sidecar}.json")));
            }
            removed += 1;
        }
        for name in older_than(&self.folder, DAY)? {
            if name.starts_with(".upload") || (name.starts_with(".bucket-") && name.contains(".upload-")) {
                fs::remove_file(self.folder.join(name))?;
                removed += 1;
            }
        }
        Ok(removed)
    }
}

/// The names of the files in a folder that were last written longer than `age` ago.
fn older_than(folder: &Path, age: Duration) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let now = SystemTime::now();
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry?;
        let about = entry.metadata()?;
        let old = now.duration_since(about.modified()?).is_ok_and(|since| since > age);
        if about.is_file() && old {
            names.extend(entry.file_name().into_string().ok());
        }
    }
    Ok(names)
}

struct Connector(Files);

impl fmt::Debug for Connector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Connector(embedded S3)")
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let files = self.0.clone();
        HttpConnectorFuture::new(async move {
            let other = |error: Box<dyn std::error::Error + Send + Sync>| ConnectorError::other(error, None);
            let mut request = request.try_into_http1x().map_err(|error| other(error.into()))?;
            // A real transport adds the host, which the signature covers.
            let host = request.uri().authority().map(ToString::to_string).unwrap_or_default();
            request.headers_mut().insert(HOST, HeaderValue::try_from(host).map_err(|error| other(error.into()))?);
            let (head, body) = files.answer(request.map(Body::new)).await.into_parts();
            let body = axum::body::to_bytes(body, usize::MAX).await.map_err(|error| other(error.into()))?;
            HttpResponse::try_from(http::Response::from_parts(head, SdkBody::from(body)))
                .map_err(|error| other(error.into()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_one_in_any_case() {
        let is = |kind: &'static str| is_multipart(&HeaderValue::from_static(kind));
        assert!(is("multipart/form-data; boundary=a") && is("Multipart/form-data") && is("MULTIPART/mixed"));
        assert!(!is("text/plain") && !is("multipart") && !is(""));
    }
}
