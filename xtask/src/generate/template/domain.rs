//! A domain name of the deployment's own, if one was chosen: callers keep their address when a stack is replaced.

use super::checks;
use super::names::API;
use super::parameters::{CERTIFICATE, DOMAIN, is_set};
use super::yaml::{Map, Yaml};

/// The resource of the domain name.
pub(super) const DOMAIN_NAME: &str = "ApiDomain";

pub(super) fn resources() -> Map {
    let configuration = Map::new()
        .with("CertificateArn", Yaml::reference(CERTIFICATE))
        .with("EndpointType", "REGIONAL")
        .with("SecurityPolicy", "TLS_1_2");
    let name = Map::new()
        .with("DomainName", Yaml::reference(DOMAIN))
        .with("DomainNameConfigurations", Yaml::from_iter([configuration]));
    let mapping = Map::new()
        .with("ApiId", Yaml::reference(API))
        .with("DomainName", Yaml::reference(DOMAIN_NAME))
        // The stage that SAM makes.
        .with("Stage", Yaml::reference(&format!("{API}.Stage")));
    Map::new()
        .gap()
        .with(
            DOMAIN_NAME,
            chosen("AWS::ApiGatewayV2::DomainName", name).with("Metadata", checks::of_an_empty_default()),
        )
        .gap()
        .with("ApiDomainMapping", chosen("AWS::ApiGatewayV2::ApiMapping", mapping))
}

/// A resource that exists only if a domain name was chosen.
fn chosen(kind: &str, properties: Map) -> Map {
    Map::new().with("Type", kind).with("Condition", is_set(DOMAIN)).with("Properties", properties)
}

/// A name without a certificate, or the other way round, is refused before anything is made.
pub(super) fn rules() -> Map {
    let empty = |parameter: &str| Yaml::Scalar(format!("!Equals [!Ref {parameter}, \"\"]"));
    let filled = |parameter: &str| Yaml::Scalar(format!("!Not [!Equals [!Ref {parameter}, \"\"]]"));
    let both = |of: &dyn Fn(&str) -> Yaml| Map::new().with("Fn::And", Yaml::from_iter([of(DOMAIN), of(CERTIFICATE)]));
    let assertion = Map::new()
        .with("Assert", Map::new().with("Fn::Or", Yaml::from_iter([both(&empty), both(&filled)])))
        .with("AssertDescription", format!("{DOMAIN} and {CERTIFICATE} go together: give both, or neither"));
    Map::new().with("DomainWithCertificate", Map::new().with("Assertions", Yaml::from_iter([assertion])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_it_is_there_unless_it_was_chosen() {
        let text = resources().document();
        assert_eq!(text.matches("Condition: HasDomainName").count(), text.matches("Type: AWS::").count(), "{text}");
    }
}
