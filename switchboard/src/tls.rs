//! A certificate authority of our own: the official Python, Node and PHP clients speak HTTPS only.

use crate::state::State;
use anyhow::{Context, Result};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use std::sync::Arc;

const CA_FILE: &str = "ca.pem";
const CA_KEY_FILE: &str = "ca-key.pem";
/// Names under which clients reach a laptop; the last one for those whose host cannot be changed but by the hosts file.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "api.voximplant.com"];

/// The TLS settings of the local server: a certificate for this start, signed by the state folder's own authority.
pub(crate) fn server_config(state: &State) -> Result<Arc<ServerConfig>> {
    let issuer = authority(state)?;
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(NAMES.map(String::from))?;
    params.distinguished_name.push(DnType::CommonName, "Switchboard local server");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    let certificate = params.signed_by(&key, &issuer)?;
    let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], private)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// The authority of this state folder, made on first use. Its key stays in the folder, for its owner only.
fn authority(state: &State) -> Result<Issuer<'static, KeyPair>> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.distinguished_name.push(DnType::CommonName, "Switchboard local CA");
    let stored = state.read(CA_KEY_FILE)?.filter(|_| state.path(CA_FILE).exists());
    let key = if let Some(pem) = stored {
        KeyPair::from_pem(&pem)
            .with_context(|| format!("{} is not a private key", state.path(CA_KEY_FILE).display()))?
    } else {
        let key = KeyPair::generate()?;
        state.write_secret(CA_KEY_FILE, &key.serialize_pem())?;
        state.write(CA_FILE, &params.self_signed(&key)?.pem())?;
        key
    };
    Ok(Issuer::new(params, key))
}
