//! Starts a new method: a folder that compiles and answers, and its line in the family's front door.

mod method;
mod registration;
mod scaffold;

pub use method::Refusal;

use crate::generate::front_door;
use crate::workspace::{self, FRONT_DOOR};
use anyhow::Result;
use method::NewMethod;
use std::path::{Path, PathBuf};

/// Writes a new method; returns the files that it wrote or changed. A [`Refusal`] leaves nothing behind.
pub fn create(root: &Path, family: &str, name: &str) -> Result<Vec<PathBuf>> {
    let method = NewMethod::parse(family, name)?;
    let folder = Path::new("functions").join(method.family()).join(method.folder());
    if root.join(&folder).exists() {
        return Err(Refusal::FolderExists(folder).into());
    }
    let list = Path::new("functions").join(method.family()).join(FRONT_DOOR).join("src/lib.rs");
    let listed = registration::with_line(&workspace::read(&root.join(&list))?, &registration::line(&method))?;
    let mut written = Vec::new();
    for (path, text) in scaffold::files(&method) {
        let path = folder.join(path);
        workspace::write(&root.join(&path), &text)?;
        written.push(path);
    }
    workspace::write(&root.join(&list), &listed)?;
    written.push(list);
    // The line just added does not compile without its dependency, so this cannot wait for `generate`.
    let manifest = front_door::manifest(root, method.family())?;
    manifest.write(root)?;
    written.push(manifest.path);
    Ok(written)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn names_have_their_family_s_form() {
        for (family, name) in [("stepchat", "get-foo"), ("stepchat", "login"), ("voximplant", "GetFoo2")] {
            assert!(NewMethod::parse(family, name).is_ok(), "{family} {name}");
        }
        for name in ["GetFoo", "get_foo", "get--foo", "-foo", "foo-", "2-foo", "", "../foo", "имя"] {
            assert_eq!(NewMethod::parse("stepchat", name), Err(Refusal::NotStepchatName(name.into())));
        }
        for name in ["get-foo", "getFoo", "Get Foo", "", "Get/Foo"] {
            assert_eq!(NewMethod::parse("voximplant", name), Err(Refusal::NotVoximplantName(name.into())));
        }
        assert_eq!(NewMethod::parse("chat", "get-foo"), Err(Refusal::UnknownFamily("chat".into())));
    }

    /// A folder with only those files of a workspace that a new method changes; removed after the test.
    struct Workspace(PathBuf);

    impl Workspace {
        fn new(name: &str) -> Self {
            let root = std::env::temp_dir().join(format!("xtask-{name}-{}", std::process::id()));
            for family in ["stepchat", "voximplant"] {
                let door = Path::new("functions").join(family).join(FRONT_DOOR);
                for file in [door.join("src/lib.rs"), door.join("Cargo.toml")] {
                    let text = workspace::read(&workspace::root().join(&file)).unwrap();
                    workspace::write(&root.join(&file), &text).unwrap();
                }
            }
            Self(root)
        }

        fn read(&self, path: &str) -> String {
            workspace::read(&self.0.join(path)).unwrap()
        }
    }

    impl Drop for Workspace {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_new_method_is_a_folder_a_line_and_a_dependency() {
        let workspace = Workspace::new("new");
        let written = create(&workspace.0, "voximplant", "GetFoo").unwrap();
        assert_eq!(written.len(), 6, "{written:?}");
        assert!(workspace.read("functions/voximplant/get-foo/src/main.rs").contains("voximplant_get_foo::GetFoo"));
        let list = workspace.read("functions/voximplant/front-door/src/lib.rs");
        assert!(list.contains("    MethodEntry::of::<voximplant_get_foo::GetFoo>(),\n"), "{list}");
        let manifest = workspace.read("functions/voximplant/front-door/Cargo.toml");
        assert!(manifest.contains("voximplant-get-foo = { path = \"../get-foo\" }\n"), "{manifest}");
    }

    #[test]
    fn an_existing_folder_is_left_alone() {
        let workspace = Workspace::new("twice");
        create(&workspace.0, "stepchat", "get-foo").unwrap();
        let again = create(&workspace.0, "stepchat", "get-foo").unwrap_err();
        let folder = PathBuf::from("functions/stepchat/get-foo");
        assert_eq!(again.downcast_ref(), Some(&Refusal::FolderExists(folder)));
        assert!(create(&workspace.0, "stepchat", "front-door").is_err());
    }
}
