//! The one bucket: pictures, which stay, and exports, which expire.

use super::yaml::{Map, Yaml};
use super::{kept, policy, resource};
use shared::store::files::{EXPORT_DAYS, Folder};

/// The resource of the bucket.
pub(super) const BUCKET: &str = "FilesBucket";

pub(super) fn resources() -> Map {
    Map::new()
        .heading("Files")
        .remark("Nobody reads it directly: pictures go through the API, exports through links that expire.")
        .with(BUCKET, kept("AWS::S3::Bucket", properties()))
        .gap()
        .with("FilesBucketPolicy", resource("AWS::S3::BucketPolicy", only_encrypted_transport()))
}

fn properties() -> Map {
    let encryption = Map::new().with("ServerSideEncryptionByDefault", Map::new().with("SSEAlgorithm", "AES256"));
    let all = ["BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"];
    let owner = Map::new().with("ObjectOwnership", "BucketOwnerEnforced");
    Map::new()
        .with("BucketEncryption", Map::new().with("ServerSideEncryptionConfiguration", Yaml::from_iter([encryption])))
        .with("PublicAccessBlockConfiguration", all.iter().fold(Map::new(), |blocks, block| blocks.with(block, true)))
        .with("OwnershipControls", Map::new().with("Rules", Yaml::from_iter([owner])))
        .with("LifecycleConfiguration", Map::new().with("Rules", Yaml::from_iter(rules())))
}

fn rules() -> [Map; 2] {
    let exports = Map::new()
        .with("Id", "ExportsGo")
        .with("Status", "Enabled")
        .with("Prefix", format!("{}/", Folder::Exports))
        .with("ExpirationInDays", EXPORT_DAYS);
    let uploads = Map::new()
        .with("Id", "UnfinishedUploadsGo")
        .with("Status", "Enabled")
        .with("AbortIncompleteMultipartUpload", Map::new().with("DaysAfterInitiation", 1_u16));
    [exports, uploads]
}

fn only_encrypted_transport() -> Map {
    let insecure = Map::new().with("aws:SecureTransport", "false");
    let statement = Map::new()
        .with("Sid", "EncryptedTransportOnly")
        .with("Effect", "Deny")
        .with("Principal", "*")
        .with("Action", "s3:*")
        .with(
            "Resource",
            Yaml::from_iter([Yaml::attribute(BUCKET, "Arn"), Yaml::substituted(&format!("${{{BUCKET}.Arn}}/*"))]),
        )
        .with("Condition", Map::new().with("Bool", insecure));
    Map::new().with("Bucket", Yaml::reference(BUCKET)).with("PolicyDocument", policy([statement]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bucket_is_private_encrypted_and_outlives_the_stack() {
        let text = resources().document();
        for promise in [
            "DeletionPolicy: Retain",
            "SSEAlgorithm: AES256",
            "BlockPublicAcls: true",
            "BlockPublicPolicy: true",
            "IgnorePublicAcls: true",
            "RestrictPublicBuckets: true",
            "aws:SecureTransport: \"false\"",
        ] {
            assert!(text.contains(promise), "{promise} is missing from\n{text}");
        }
    }

    #[test]
    fn only_exports_expire() {
        let text = resources().document();
        assert!(text.contains("Prefix: exports/") && text.matches("ExpirationInDays").count() == 1, "{text}");
        assert!(text.contains("DaysAfterInitiation: 1"), "{text}");
    }
}
