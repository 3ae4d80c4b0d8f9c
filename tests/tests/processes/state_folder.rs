//! The state folder of `switchboard serve`: whose it is, what belongs together, and what stays in it.

use super::serve::{Folder, Server, free_port, serving};
use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tests::workspace::binary;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// All files directly in a folder, but for the lock.
pub(super) fn content(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = fs::read_dir(folder).unwrap().map(Result::unwrap).filter(|entry| entry.file_type().unwrap().is_file());
    let files = files.map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()));
    files.filter(|(name, _)| name != "lock").collect()
}

/// What a server says that must not start.
fn refused(state: &Path, words: &[&str]) -> String {
    let mut command = serving(state, free_port(), free_port());
    let mut server = command.args(words).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let patience = Instant::now() + Duration::from_secs(20);
    let code = loop {
        match server.try_wait().unwrap() {
            Some(status) => break status.code(),
            None if Instant::now() > patience => {
                server.kill().unwrap();
                break None;
            }
            None => std::thread::sleep(Duration::from_millis(20)),
        }
    };
    let mut said = String::new();
    server.stderr.unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(code, Some(1), "{said}");
    said
}

/// A folder that was served once.
fn served(name: &str) -> Folder {
    let folder = Folder::new(name);
    assert_eq!(Server::start(&folder.0, false).stop(), Some(0));
    folder
}

#[test]
fn nothing_in_the_folder_is_for_others_whatever_the_umask() {
    let folder = Folder::new("umask");
    fs::create_dir(&folder.0).unwrap();
    fs::set_permissions(&folder.0, fs::Permissions::from_mode(0o755)).unwrap();
    let (http, https) = (free_port(), free_port());
    let mut shell = Command::new("sh");
    shell.args(["-c", "umask 000; exec \"$@\"", "sh"]).arg(binary("switchboard"));
    shell.args(["serve", "--listen", &http.to_string(), "--https", &https.to_string(), "--state"]).arg(&folder.0);
    let server = Server::of(shell, http, https);
    assert_eq!(mode(&folder.0), 0o700, "an open folder was closed");
    let mut looked = 0;
    for entry in fs::read_dir(&folder.0).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path) & 0o077, 0, "{}", path.display());
        looked += 1;
    }
    assert!(looked > 9, "{looked}");
    server.kill();
}

#[test]
fn a_folder_of_another_user_is_refused() {
    let root = Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout == b"0\n");
    if !root {
        return;
    }
    let folder = Folder::new("foreign");
    fs::create_dir(&folder.0).unwrap();
    std::os::unix::fs::chown(&folder.0, Some(65534), Some(65534)).unwrap();
    let said = refused(&folder.0, &["--memory"]);
    assert!(said.contains("belongs to user 65534"), "{said}");
    assert_eq!(content(&folder.0), BTreeMap::new());
}

/// Lost, damaged and foreign parts: each is refused in a sentence that says what to do, and nothing is changed.
#[test]
fn what_is_lost_or_damaged_is_not_replaced_without_a_word() {
    let folder = served("damaged");
    let state = folder.0.as_path();
    let whole = content(state);
    let truncated = |name: &str| whole[name][..whole[name].len() / 2].to_vec();
    let damages: [(&str, Option<Vec<u8>>, &str); 11] = [
        ("token-secret", None, "holds a database and no token-secret"),
        ("token-secret", Some(Vec::new()), "token-secret is damaged"),
        ("voximplant.json", Some(truncated("voximplant.json")), "voximplant.json is damaged"),
        ("voximplant-apikey.json", Some(b"{}".to_vec()), "voximplant-apikey.json is damaged"),
        ("files-secret", Some(Vec::new()), "files-secret is empty"),
        ("switchboard.db", None, "missing or empty"),
        ("switchboard.db", Some(Vec::new()), "missing or empty"),
        ("switchboard.db", Some(truncated("switchboard.db")), "only part of it was copied"),
        ("ca-key.pem", None, "ca.pem is there without its key"),
        ("ca.pem", Some(truncated("ca.pem")), "ca.pem is not a certificate"),
        ("format", Some(b"999\n".to_vec()), "later version"),
    ];
    for (name, damage, said) in damages {
        let path = state.join(name);
        match &damage {
            None => fs::remove_file(&path).unwrap(),
            Some(bytes) => fs::write(&path, bytes).unwrap(),
        }
        let before = content(state);
        let complaint = refused(state, &[]);
        assert!(complaint.contains(said), "{name}: {complaint}");
        let after = content(state);
        for (file, bytes) in &before {
            assert!(after.get(file) == Some(bytes), "{name}: {file} was changed");
        }
        for extra in ["-wal", "-shm"] {
            let _ = fs::remove_file(state.join(format!("switchboard.db{extra}")));
        }
        fs::write(&path, &whole[name]).unwrap();
    }
    let server = Server::start(state, false);
    assert_eq!(content(state)["voximplant.json"], whole["voximplant.json"]);
    assert_eq!(content(state)["stepchat.json"].len(), whole["stepchat.json"].len());
    server.kill();
}

/// A secret that is whole and another one may be meant, see the runbook: the server says what follows from it.
#[test]
fn another_token_secret_is_told_to_whoever_starts_the_server() {
    let folder = Folder::new("other-secret");
    let (state, out, err) = (folder.0.join("state"), folder.0.join("out"), folder.0.join("err"));
    fs::create_dir(&folder.0).unwrap();
    let warning = "is not the one";
    assert_eq!(Server::told(&state, &[], &out, &err).stop(), Some(0));
    assert!(!fs::read_to_string(&err).unwrap().contains(warning));
    // Half of a copy, for example.
    let secret = fs::read_to_string(state.join("token-secret")).unwrap();
    fs::write(state.join("token-secret"), &secret[..secret.len() / 2]).unwrap();
    assert_eq!(Server::told(&state, &[], &out, &err).stop(), Some(0));
    let said = fs::read_to_string(&err).unwrap();
    assert!(said.contains(warning) && said.contains("opens nothing"), "{said}");
}

/// An empty database that has its tables: a database of somebody else, or one that was filled after the copy.
#[test]
fn a_database_without_the_credentials_owner_is_refused() {
    let folder = served("mismatch");
    let database = folder.0.join("switchboard.db");
    fs::remove_file(&database).unwrap();
    drop(dynoxide::Database::new(database.to_str().unwrap()).unwrap());
    let before = content(&folder.0);
    let complaint = refused(&folder.0, &[]);
    assert!(complaint.contains("no admin") && complaint.contains("Restore the whole folder"), "{complaint}");
    for name in ["voximplant.json", "voximplant-apikey.json", "stepchat.json", "token-secret"] {
        assert!(content(&folder.0)[name] == before[name], "{name}");
    }
}

#[test]
fn two_servers_do_not_share_a_folder_in_memory_either() {
    let folder = Folder::new("two");
    let first = Server::start(&folder.0, true);
    let before = content(&folder.0);
    let complaint = refused(&folder.0, &["--memory"]);
    assert!(complaint.contains("in use by another process"), "{complaint}");
    assert_eq!(content(&folder.0), before);
    first.kill();
    // What a killed one has left is in nobody's way: neither of memory again, nor of a database on disk.
    Server::start(&folder.0, true).kill();
    assert_eq!(Server::start(&folder.0, false).stop(), Some(0));
    assert_eq!(Server::start(&folder.0, false).stop(), Some(0));
}

#[test]
fn exports_of_a_database_in_memory_are_its_owner_s_and_go_with_it() {
    let folder = Folder::new("passing");
    let export = |server: &Server| {
        let token = folder.json("stepchat.json")["token"].as_str().unwrap().to_owned();
        let answer = server.post("/stepchat", &format!("function=csv-users&token={token}")).unwrap();
        assert!(answer["response"].to_string().contains("http"), "{answer}");
    };
    let files = folder.0.join("in-memory-files");
    let exported = || -> usize {
        let found = Command::new("find").arg(&files).args(["-name", "*.csv*", "-type", "f"]).output().unwrap();
        String::from_utf8(found.stdout).unwrap().lines().count()
    };
    let server = Server::start(&folder.0, true);
    export(&server);
    assert!(exported() > 0);
    assert_eq!((mode(&folder.0), mode(&files)), (0o700, 0o700));
    server.kill();
    assert!(exported() > 0, "a kill leaves them, in a folder that only their owner may open");
    let server = Server::start(&folder.0, true);
    assert_eq!(exported(), 0, "the next start removes them");
    export(&server);
    assert_eq!(server.stop(), Some(0));
    assert!(!files.exists());
}

/// As on a full disk: no write beyond a size succeeds. What was answered is there afterwards, and nothing else is broken.
#[test]
fn a_disk_that_is_full_loses_nothing_that_was_answered() {
    let folder = Folder::new("full");
    assert_eq!(Server::start(&folder.0, false).stop(), Some(0));
    let (http, https) = (free_port(), free_port());
    let mut shell = Command::new("bash");
    shell.args(["-c", "trap '' XFSZ; ulimit -f 3000; exec \"$@\"", "bash"]).arg(binary("switchboard"));
    shell.args(["serve", "--listen", &http.to_string(), "--https", &https.to_string(), "--state"]).arg(&folder.0);
    shell.stdout(Stdio::null()).stderr(Stdio::null());
    let server = Server::of(shell, http, https);
    let token = folder.json("stepchat.json")["token"].as_str().unwrap().to_owned();
    let (mut written, mut refused) = (Vec::new(), 0);
    for n in 0..600 {
        let extra = "x".repeat(8_000);
        let form = format!("function=add-user&token={token}&email=u{n}@example.com&extra[note]={extra}");
        let answer = server.post("/stepchat", &form).unwrap();
        if answer["success"] == true {
            written.push((answer["response"].to_string(), n));
        } else {
            refused += 1;
            assert!(
                ["db-error", "timeout", "too-many-requests"].contains(&answer["response"].as_str().unwrap()),
                "{answer}"
            );
            if refused == 3 {
                break;
            }
        }
    }
    assert!(refused > 0 && !written.is_empty(), "{} written, {refused} refused", written.len());
    server.kill();
    let server = Server::start(&folder.0, false);
    for (id, n) in &written {
        let form = format!("function=get-user&token={token}&user_id={id}");
        assert_eq!(server.post("/stepchat", &form).unwrap()["response"]["email"], format!("u{n}@example.com"));
    }
    let form = format!("function=add-user&token={token}&email=later@example.com");
    assert_eq!(server.post("/stepchat", &form).unwrap()["success"], true, "with room again, it goes on");
    assert_eq!(server.stop(), Some(0));
}
