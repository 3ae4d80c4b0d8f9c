//! A function that only reads one item, strongly consistent: without authentication, parameters or log.

use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_dynamodb::{Client, Config};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use lambda_http::{Body, Error, Request, Response, run, service_fn};
use std::env::var;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let (id, secret) = (var("AWS_ACCESS_KEY_ID")?, var("AWS_SECRET_ACCESS_KEY")?);
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(var("AWS_REGION")?))
        .endpoint_url(var("AWS_ENDPOINT_URL_DYNAMODB")?)
        .credentials_provider(Credentials::new(id, secret, None, None, "environment"))
        .http_client(Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https())
        .build();
    let client = Client::from_conf(config);
    let answer = |_: Request| async {
        let key = |text: &str| AttributeValue::S(text.to_owned());
        let read = client.get_item().table_name("stepchat").consistent_read(true);
        let found = read.key("pk", key("U#000000000001")).key("sk", key("P")).send().await?;
        let name = found.item().and_then(|item| item.get("first")?.as_s().ok()).cloned();
        Ok::<_, Error>(Response::new(Body::from(name.unwrap_or_default())))
    };
    run(service_fn(answer)).await
}
