//! The files that the state folder keeps besides the database, checked against the database before anything is written.
//! What is lost or damaged is reported, and not silently replaced.

use crate::operator::Credentials;
use crate::state::State;
use anyhow::{Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rsa::RsaPrivateKey;
use rsa::pkcs8::DecodePrivateKey as _;
use serde_json::Value;
use shared::crypto::random_token;
use shared::ids::UserId;
use std::fs;

/// The first admin and its token.
pub(crate) const STEPCHAT_FILE: &str = "stepchat.json";
/// The credentials file of Voximplant's clients.
pub(crate) const VOXIMPLANT_FILE: &str = "voximplant.json";
/// The API key.
pub(crate) const API_KEY_FILE: &str = "voximplant-apikey.json";
/// The credentials files that exist once a database has been filled.
const CREDENTIALS: [&str; 3] = [STEPCHAT_FILE, VOXIMPLANT_FILE, API_KEY_FILE];
const SECRET_FILE: &str = "token-secret";
const FILES_SECRET_FILE: &str = "files-secret";
/// Exists while the credentials are those of a database in memory: they are worth nothing once its server has stopped.
const MEMORY_FILE: &str = "in-memory";
/// Holds the version of the folder's format.
const FORMAT_FILE: &str = "format";
/// The version of the format that this program writes. It is raised when an older program would misread what is in the
/// folder.
const FORMAT: u32 = 1;
/// The fewest bytes of the token secret, and the fewest characters of the files' secret.
const SECRET_BYTES: usize = 32;
const FILES_SECRET_CHARS: usize = 20;

/// Where the database is to which the folder's files belong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Location {
    /// In the folder.
    File,
    /// In the server's memory.
    Memory,
    /// At an address that the environment names.
    Elsewhere,
}

/// Refuses a folder whose files do not belong together; the error says what to do. The caller holds the folder's lock.
pub(crate) fn check(state: &State, location: Location) -> Result<()> {
    let shown = state.folder().display();
    check_format(state)?;
    let database = fs::metadata(state.database()).is_ok_and(|file| file.len() > 0);
    if database && location != Location::File {
        let where_ = if location == Location::Memory { "in memory" } else { "elsewhere" };
        bail!(
            "{shown} holds a database, whose credentials those of a database {where_} would overwrite: choose another --state"
        );
    }
    if state.path(MEMORY_FILE).exists() {
        for name in CREDENTIALS {
            state.remove(name)?;
        }
        state.remove(MEMORY_FILE)?;
    }
    let found = CREDENTIALS.into_iter().find(|name| state.path(name).exists());
    match (location, found) {
        (Location::File, Some(found)) if !database => bail!(
            "{shown} holds {found}, but the database that it belongs to is missing or empty: restore switchboard.db (and its \
             -wal, if there is one) from your backup, or remove {} to begin with an empty database",
            CREDENTIALS.join(", ")
        ),
        (Location::Memory, Some(found)) => bail!(
            "{shown} holds {found} of another database, which a database in memory would overwrite: choose another --state, \
             or remove {}",
            CREDENTIALS.join(", ")
        ),
        _ => {}
    }
    if location != Location::Memory {
        service_key(state)?;
        api_key(state)?;
    }
    if state.path(FILES_SECRET_FILE).exists() {
        files_secret(state)?;
    }
    if location == Location::Memory {
        state.write(MEMORY_FILE, "The credentials beside this file are those of a database in memory.\n")?;
    }
    if database && state.read(SECRET_FILE)?.is_none() && std::env::var_os("SWITCHBOARD_TOKEN_SECRET").is_none() {
        bail!(
            "{shown} holds a database and no {SECRET_FILE}: with another one, every user's token would change. Restore it \
             from your backup; or, if it is lost, make a new one with `openssl rand -base64 32 > {}` and go on as \
             docs/secrets.md says (\"Exchange the token secret\")",
            state.path(SECRET_FILE).display()
        );
    }
    Ok(())
}

fn check_format(state: &State) -> Result<()> {
    let Some(text) = state.read(FORMAT_FILE)? else { return Ok(()) };
    match text.trim().parse::<u32>() {
        Ok(format) if format <= FORMAT => Ok(()),
        Ok(format) => bail!(
            "{} was written by a later version of switchboard (format {format}; this one knows {FORMAT}): use that version",
            state.folder().display()
        ),
        Err(_) => bail!(
            "{} is damaged: it should hold the number {FORMAT}. Restore the folder from your backup",
            state.path(FORMAT_FILE).display()
        ),
    }
}

/// Whether the folder's database was last used by a version that let deleted data stay in the file's free pages.
pub(crate) fn keeps_deleted(state: &State) -> Result<bool> {
    Ok(state.read(FORMAT_FILE)?.is_none() && state.database().exists())
}

/// Writes this version of the format into the folder, if none is there.
pub(crate) fn mark(state: &State) -> Result<()> {
    match state.read(FORMAT_FILE)? {
        Some(_) => Ok(()),
        None => state.write(FORMAT_FILE, &format!("{FORMAT}\n")),
    }
}

/// The folder's own secret for the users' tokens, made if there is none.
pub(crate) fn token_secret(state: &State) -> Result<String> {
    let Some(secret) = state.read(SECRET_FILE)? else {
        let secret = STANDARD.encode(random_token(32)?);
        state.write_secret(SECRET_FILE, &secret)?;
        return Ok(secret);
    };
    let bytes = STANDARD.decode(secret.trim()).unwrap_or_default();
    if bytes.len() < SECRET_BYTES {
        bail!(
            "{} is damaged: it should hold base64 of at least {SECRET_BYTES} bytes. Restore it from your backup",
            state.path(SECRET_FILE).display()
        );
    }
    Ok(secret)
}

/// The folder's own secret for the files' links, made if there is none. Whoever knows it can sign links.
pub(crate) fn files_secret(state: &State) -> Result<String> {
    let Some(secret) = state.read(FILES_SECRET_FILE)? else {
        let secret = random_token(20)?;
        state.write_secret(FILES_SECRET_FILE, &secret)?;
        return Ok(secret);
    };
    if secret.trim().len() < FILES_SECRET_CHARS {
        bail!(
            "{} is empty or too short: anybody could sign links to exports. Remove it, and the next start makes a new one; \
             links that were given out end with it",
            state.path(FILES_SECRET_FILE).display()
        );
    }
    Ok(secret.trim().to_owned())
}

/// Refuses to make new credentials for a database in a folder that has those of another one. `missing` says what this
/// database lacks.
pub(crate) fn check_empty(state: &State, files: &[&str], missing: &str) -> Result<()> {
    match files.iter().find(|name| state.path(name).exists()) {
        Some(found) => bail!(
            "{} holds {found}, but its database has {missing}: it is another database, or a part of a copy. Restore the \
             whole folder from your backup, choose another --state, or remove {} to get new credentials",
            state.folder().display(),
            files.join(", ")
        ),
        None => Ok(()),
    }
}

/// The service-account key for Voximplant's clients; `None` if there is none.
pub(crate) fn service_key(state: &State) -> Result<Option<Credentials>> {
    credentials(state, VOXIMPLANT_FILE, |text| {
        let credentials: Credentials = serde_json::from_str(text).ok()?;
        RsaPrivateKey::from_pkcs8_pem(&credentials.private_key).ok().map(|_| credentials)
    })
}

/// The API key; `None` if there is none.
pub(crate) fn api_key(state: &State) -> Result<Option<String>> {
    credentials(state, API_KEY_FILE, |text| {
        let file: Value = serde_json::from_str(text).ok()?;
        file.get("api_key")?.as_str().filter(|key| !key.is_empty()).map(str::to_owned)
    })
}

/// The first admin of an earlier start. The file is written again at each start, so a damaged one counts as missing.
pub(crate) fn admin(state: &State) -> Result<Option<UserId>> {
    let file: Option<Value> = state.read(STEPCHAT_FILE)?.and_then(|text| serde_json::from_str(&text).ok());
    Ok(file.and_then(|file| UserId::new(file.get("admin_id")?.as_u64()?)))
}

/// The content of a credentials file, which `read` parses; a damaged file is an error.
fn credentials<T>(state: &State, name: &str, read: impl Fn(&str) -> Option<T>) -> Result<Option<T>> {
    let Some(text) = state.read(name)? else { return Ok(None) };
    match read(&text) {
        Some(read) => Ok(Some(read)),
        None => bail!(
            "{} is damaged. Restore it from your backup; or remove it, and the next start makes a new key. Then \
             revoke the old one: `switchboard operator key list --account 1` and `api-key list --account 1` show it",
            state.path(name).display()
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with these files.
    fn folder(files: &[(&str, &str)]) -> (tempfile::TempDir, State) {
        let folder = tempfile::tempdir().unwrap();
        let state = State::open(folder.path()).unwrap();
        for (name, text) in files {
            fs::write(state.path(name), text).unwrap();
        }
        (folder, state)
    }

    fn refusal(files: &[(&str, &str)], location: Location) -> String {
        let (_folder, state) = folder(files);
        check(&state, location).unwrap_err().to_string()
    }

    #[test]
    fn credentials_without_their_database_are_not_given_another_one() {
        for database in [&[][..], &[("switchboard.db", "")]] {
            for name in CREDENTIALS {
                let files = [database, &[(name, "{}"), ("token-secret", "x")]].concat();
                assert!(refusal(&files, Location::File).contains("missing or empty"), "{name}");
                assert!(refusal(&files, Location::Memory).contains("choose another --state"), "{name}");
            }
        }
        // A first start that died early leaves a secret and no credentials.
        check(&folder(&[("token-secret", "x")]).1, Location::File).unwrap();
    }

    #[test]
    fn credentials_of_a_database_in_memory_go_with_it() {
        let (_folder, state) = folder(&[]);
        for location in [Location::Memory, Location::Memory, Location::File] {
            check(&state, location).unwrap();
            fs::write(state.path(STEPCHAT_FILE), "{}").unwrap();
        }
        assert!(!state.path(MEMORY_FILE).exists());
        assert!(check(&state, Location::File).is_err(), "now they are those of a file that is gone");
    }

    #[test]
    fn a_database_s_credentials_are_not_overwritten_by_those_of_another_one() {
        let files = [("switchboard.db", "x"), ("token-secret", "x")];
        assert!(refusal(&files, Location::Memory).contains("choose another --state"));
        assert!(refusal(&files, Location::Elsewhere).contains("choose another --state"));
        check(&folder(&files).1, Location::File).unwrap();
    }

    #[test]
    fn a_lost_or_damaged_secret_is_not_replaced() {
        assert!(refusal(&[("switchboard.db", "x")], Location::File).contains("no token-secret"));
        for text in ["", "short", "bm90IGxvbmcgZW5vdWdo"] {
            let (_folder, state) = folder(&[("token-secret", text), ("files-secret", text)]);
            assert!(token_secret(&state).unwrap_err().to_string().contains("damaged"), "{text}");
            assert_eq!(state.read("token-secret").unwrap().unwrap(), text);
        }
        let (_folder, state) = folder(&[("files-secret", "\n")]);
        assert!(files_secret(&state).unwrap_err().to_string().contains("anybody could sign"));
        let (_folder, state) = folder(&[]);
        assert_eq!(token_secret(&state).unwrap(), token_secret(&state).unwrap());
        assert_eq!(files_secret(&state).unwrap(), files_secret(&state).unwrap());
    }

    #[test]
    fn a_folder_of_a_later_version_is_left_alone() {
        assert!(refusal(&[("format", "2\n")], Location::File).contains("later version"));
        assert!(refusal(&[("format", "")], Location::File).contains("damaged"));
        let (_folder, state) = folder(&[]);
        mark(&state).unwrap();
        check(&state, Location::File).unwrap();
        assert!(!keeps_deleted(&state).unwrap());
        assert!(keeps_deleted(&folder(&[("switchboard.db", "x")]).1).unwrap());
    }
}
