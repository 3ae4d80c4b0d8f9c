//! A certificate authority of our own: the official Python, Node and PHP clients speak HTTPS only.

use crate::state::State;
use anyhow::{Context, Result, bail};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use std::sync::Arc;

const CA_FILE: &str = "ca.pem";
const CA_KEY_FILE: &str = "ca-key.pem";
const REMEDY: &str = "restore it from your backup; or remove ca.pem and ca-key.pem to get a new authority, which clients \
                      must be given again";
/// Names by which clients reach a laptop; the last one is for clients whose host can be changed only by the hosts file.
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

/// The authority of this state folder, made on first use. Its key stays in the folder, for its owner only. A lost or
/// damaged part is not silently replaced: clients trust the certificate that they were given.
fn authority(state: &State) -> Result<Issuer<'static, KeyPair>> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.distinguished_name.push(DnType::CommonName, "Switchboard local CA");
    let key = match (state.read(CA_KEY_FILE)?, state.read(CA_FILE)?) {
        (Some(key), certificate) => {
            let key = KeyPair::from_pem(&key)
                .with_context(|| format!("{} is not a private key: {REMEDY}", state.path(CA_KEY_FILE).display()))?;
            match certificate {
                Some(pem) if CertificateDer::from_pem_slice(pem.as_bytes()).is_ok() => {}
                Some(_) => bail!("{} is not a certificate: {REMEDY}", state.path(CA_FILE).display()),
                // The first start died before it wrote the certificate, or the certificate was removed: the same key
                // makes an equivalent one.
                None => state.write(CA_FILE, &params.self_signed(&key)?.pem())?,
            }
            key
        }
        (None, Some(_)) => {
            bail!("{} is there without its key {CA_KEY_FILE}: {REMEDY}", state.path(CA_FILE).display())
        }
        (None, None) => {
            let key = KeyPair::generate()?;
            state.write_secret(CA_KEY_FILE, &key.serialize_pem())?;
            state.write(CA_FILE, &params.self_signed(&key)?.pem())?;
            key
        }
    };
    Ok(Issuer::new(params, key))
}
