//! The S3 client, built by hand like that of `DynamoDB`, and the file store that uses it.

use aws_sdk_s3::config::interceptors::BeforeSerializationInterceptorContextMut;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{BehaviorVersion, ConfigBag, Intercept, Region, RuntimeComponents, SharedHttpClient};
use aws_sdk_s3::error::{BoxError, ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::abort_multipart_upload::AbortMultipartUploadInput;
use aws_sdk_s3::operation::complete_multipart_upload::CompleteMultipartUploadInput;
use aws_sdk_s3::operation::create_multipart_upload::CreateMultipartUploadInput;
use aws_sdk_s3::operation::get_object::{GetObjectError, GetObjectInput};
use aws_sdk_s3::operation::put_object::PutObjectInput;
use aws_sdk_s3::operation::upload_part::UploadPartInput;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use aws_sdk_s3::{Client, Config};
use aws_smithy_runtime_api::client::interceptors::context::Input;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use shared::store::files::{EXPORT_DAYS, FileKey, FileStore, Folder, Part};
use shared::store::grants::{FileAction, Grant};
use shared::store::meter::{self, MeterInterceptor};
use shared::store::{Endpoint, StoreError};
use std::fmt;
use std::time::Duration;

/// To which host links lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Links {
    /// To the endpoint: S3 itself, or the server that `AWS_ENDPOINT_URL_S3` names.
    Endpoint,
    /// To the host that the caller used, which serves the bucket as well as the API.
    CallersHost,
}

/// Files in a bucket.
#[derive(Clone)]
pub struct S3Files {
    client: Client,
    /// Signs links. It sends no requests, so it has no meter.
    signer: Config,
    bucket: String,
    links: Links,
}

impl fmt::Debug for S3Files {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("S3Files").field("bucket", &self.bucket).finish_non_exhaustive()
    }
}

impl S3Files {
    /// The bucket behind an endpoint, reached through this transport.
    #[must_use]
    pub fn new(endpoint: &Endpoint, bucket: &str, transport: SharedHttpClient, links: Links) -> Self {
        // Uploading a part of a big file takes long.
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(2))
            .operation_attempt_timeout(Duration::from_secs(15))
            .build();
        let mut config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(endpoint.region.clone()))
            .credentials_provider(endpoint.credentials())
            .http_client(transport)
            .retry_config(RetryConfig::standard().with_max_attempts(4).with_initial_backoff(Duration::from_millis(50)))
            .timeout_config(timeouts);
        if let Some(url) = &endpoint.url {
            // A local server has only one host name.
            config = config.endpoint_url(url).force_path_style(true);
        }
        let signer = config.clone().build();
        let client = Client::from_conf(config.interceptor(MeterInterceptor).interceptor(GrantRecorder).build());
        Self { client, signer, bucket: bucket.to_owned(), links }
    }
}

impl FileStore for S3Files {
    fn create<'a>(&'a self, key: &'a FileKey, content: Bytes) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            let put = self.client.put_object().bucket(&self.bucket).key(key.as_str()).if_none_match("*");
            let put = put.content_type(key.folder().media_type());
            let put = put.set_content_disposition(saved_as(key)).body(content.into());
            match put.send().await {
                Ok(_) => Ok(true),
                Err(error) if is_there_already(&error) => Ok(false),
                Err(error) => Err(error.into()),
            }
        })
    }

    fn read<'a>(&'a self, key: &'a FileKey) -> BoxFuture<'a, Result<Option<Bytes>, StoreError>> {
        Box::pin(async move {
            let answer = match self.client.get_object().bucket(&self.bucket).key(key.as_str()).send().await {
                Ok(answer) => answer,
                Err(error) if is_missing(&error) => return Ok(None),
                Err(error) => return Err(error.into()),
            };
            let content = answer.body.collect().await.map_err(|error| StoreError::Unavailable(error.to_string()))?;
            Ok(Some(content.into_bytes()))
        })
    }

    fn begin<'a>(&'a self, key: &'a FileKey) -> BoxFuture<'a, Result<String, StoreError>> {
        Box::pin(async move {
            let create = self.client.create_multipart_upload().bucket(&self.bucket).key(key.as_str());
            let create = create.content_type(key.folder().media_type()).set_content_disposition(saved_as(key));
            let answer = create.send().await?;
            answer.upload_id.ok_or_else(|| StoreError::Corrupt("an upload without a name".into()))
        })
    }

    fn part<'a>(
        &'a self,
        key: &'a FileKey,
        upload: &'a str,
        number: i32,
        content: Bytes,
    ) -> BoxFuture<'a, Result<Part, StoreError>> {
        Box::pin(async move {
            let part = self.client.upload_part().bucket(&self.bucket).key(key.as_str()).upload_id(upload);
            let answer = part.part_number(number).body(content.into()).send().await?;
            let tag = answer.e_tag.ok_or_else(|| StoreError::Corrupt("a part without a tag".into()))?;
            Ok(Part { number, tag })
        })
    }

    fn complete<'a>(
        &'a self,
        key: &'a FileKey,
        upload: &'a str,
        parts: Vec<Part>,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let part = |part: Part| CompletedPart::builder().part_number(part.number).e_tag(part.tag).build();
            let parts = parts.into_iter().map(part).collect();
            let all = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
            let complete = self.client.complete_multipart_upload().bucket(&self.bucket).key(key.as_str());
            complete.upload_id(upload).multipart_upload(all).if_none_match("*").send().await?;
            Ok(())
        })
    }

    fn abandon<'a>(&'a self, key: &'a FileKey, upload: &'a str) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let abort = self.client.abort_multipart_upload().bucket(&self.bucket).key(key.as_str());
            abort.upload_id(upload).send().await?;
            Ok(())
        })
    }

    fn link<'a>(
        &'a self,
        key: &'a FileKey,
        valid: Duration,
        origin: &'a str,
    ) -> BoxFuture<'a, Result<String, StoreError>> {
        Box::pin(async move {
            meter::files_used(Grant::files(key.folder(), FileAction::GetObject));
            let signer = match self.links {
                Links::Endpoint => self.signer.clone(),
                Links::CallersHost => self.signer.to_builder().endpoint_url(origin).build(),
            };
            let valid = valid.min(Duration::from_hours(24 * u64::from(EXPORT_DAYS)));
            let valid = PresigningConfig::expires_in(valid).map_err(|error| StoreError::Refused(error.to_string()))?;
            let get = Client::from_conf(signer).get_object().bucket(&self.bucket).key(key.as_str());
            let get = get.response_content_disposition(SAVED_AS);
            Ok(ending_in_name(get.presigned(valid).await?.uri()))
        })
    }
}

/// The name under which browsers save an export, whatever its number.
const SAVED_AS: &str = "attachment; filename=users.csv";

fn saved_as(key: &FileKey) -> Option<String> {
    (key.folder() == Folder::Exports).then(|| SAVED_AS.to_owned())
}

/// A signed link that ends in the file's name: callers look there to see what they are given (decisions, "StepChat").
/// The signature covers the sorted parameters, so they may stand in any order.
fn ending_in_name(link: &str) -> String {
    let Some((path, query)) = link.split_once('?') else { return link.to_owned() };
    let names_file = |parameter: &&str| parameter.starts_with("response-content-disposition=");
    let (last, others): (Vec<&str>, Vec<&str>) = query.split('&').partition(names_file);
    format!("{path}?{}", others.into_iter().chain(last).collect::<Vec<_>>().join("&"))
}

/// Whether the error says that a file of this name already exists.
fn is_there_already<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    error.as_service_error().and_then(ProvideErrorMetadata::code) == Some("PreconditionFailed")
}

/// Whether there is no such file. To a caller who may not list the bucket, S3 answers that access is denied.
fn is_missing(error: &SdkError<GetObjectError>) -> bool {
    error.as_service_error().is_some_and(|error| error.is_no_such_key() || error.code() == Some("AccessDenied"))
}

/// Notes which grant each call needs.
#[derive(Debug)]
struct GrantRecorder;

impl Intercept for GrantRecorder {
    fn name(&self) -> &'static str {
        "grants"
    }

    fn modify_before_serialization(
        &self,
        context: &mut BeforeSerializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(grant) = needed(context.input()) {
            meter::files_used(grant);
        }
        Ok(())
    }
}

fn needed(input: &Input) -> Option<Grant> {
    let grant = |action, key: &Option<String>| Some(Grant::files(Folder::of(key.as_deref()?)?, action));
    if let Some(input) = input.downcast_ref::<PutObjectInput>() {
        grant(FileAction::PutObject, &input.key)
    } else if let Some(input) = input.downcast_ref::<CreateMultipartUploadInput>() {
        grant(FileAction::PutObject, &input.key)
    } else if let Some(input) = input.downcast_ref::<UploadPartInput>() {
        grant(FileAction::PutObject, &input.key)
    } else if let Some(input) = input.downcast_ref::<CompleteMultipartUploadInput>() {
        grant(FileAction::PutObject, &input.key)
    } else if let Some(input) = input.downcast_ref::<AbortMultipartUploadInput>() {
        grant(FileAction::AbortMultipartUpload, &input.key)
    } else if let Some(input) = input.downcast_ref::<GetObjectInput>() {
        grant(FileAction::GetObject, &input.key)
    } else {
        None
    }
}
