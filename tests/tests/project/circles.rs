//! No circle of files: of two files that import each other, directly or around corners, neither can be understood first.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use syn::visit::{self, Visit};
use syn::{Attribute, ItemMod, ItemUse, UseTree, Visibility};
use tests::workspace::root;

/// The path of a module from the top of its crate.
type Module = Vec<String>;

/// The files of a crate, by the modules they hold.
fn modules(source: &Path) -> BTreeMap<Module, PathBuf> {
    let mut found = BTreeMap::new();
    let mut folders = vec![source.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let place = path.strip_prefix(source).unwrap().with_extension("");
                let mut module: Module = place.iter().map(|segment| segment.to_str().unwrap().to_owned()).collect();
                module.pop_if(|last| ["mod", "lib", "main"].contains(&last.as_str()));
                found.insert(module, path);
            }
        }
    }
    found
}

/// What a file imports of its own crate.
struct Imports<'a> {
    modules: &'a BTreeMap<Module, PathBuf>,
    file: &'a Module,
    /// The module that is being read: the file's, or one inside it.
    module: Module,
    found: BTreeSet<Module>,
}

impl Imports<'_> {
    /// Notes the file that a path leads into, if it is one of this crate. The crate's root, where much is only shown
    /// again, does not count.
    fn note(&mut self, path: &[String]) {
        let (mut base, mut rest) = (self.module.clone(), path);
        match rest {
            [first, others @ ..] if first == "crate" => (base, rest) = (Vec::new(), others),
            [first, others @ ..] if first == "self" => rest = others,
            [first, ..] if first == "super" => {
                while let [first, others @ ..] = rest
                    && first == "super"
                {
                    base.pop();
                    rest = others;
                }
            }
            [first, ..] if self.is_child(first) => {}
            _ => return,
        }
        base.extend(rest.iter().cloned());
        while !self.modules.contains_key(&base) {
            base.pop();
        }
        if !base.is_empty() && base != *self.file {
            self.found.insert(base);
        }
    }

    fn is_child(&self, name: &str) -> bool {
        self.modules.contains_key(&[self.module.as_slice(), &[name.to_owned()]].concat())
    }

    fn tree(&mut self, before: &[String], tree: &UseTree) {
        let with = |name: &syn::Ident| [before, &[name.to_string()]].concat();
        match tree {
            UseTree::Path(path) => self.tree(&with(&path.ident), &path.tree),
            UseTree::Name(name) => self.note(&with(&name.ident)),
            UseTree::Rename(name) => self.note(&with(&name.ident)),
            UseTree::Glob(_) => self.note(before),
            UseTree::Group(group) => group.items.iter().for_each(|item| self.tree(before, item)),
        }
    }
}

fn is_of_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg") && attribute.parse_args::<syn::Path>().is_ok_and(|path| path.is_ident("test"))
    })
}

impl<'ast> Visit<'ast> for Imports<'_> {
    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        if !is_of_tests(&item.attrs) {
            self.module.push(item.ident.to_string());
            visit::visit_item_mod(self, item);
            self.module.pop();
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        // What a module shows of its own children is no import.
        let shown = !matches!(item.vis, Visibility::Inherited)
            && matches!(&item.tree, UseTree::Path(path) if self.is_child(&path.ident.to_string()));
        if !shown {
            self.tree(&[], &item.tree);
        }
    }

    /// `pub(super)` is no import.
    fn visit_visibility(&mut self, _: &'ast Visibility) {}

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if segments.first().is_some_and(|first| ["crate", "super"].contains(&first.as_str())) {
            self.note(&segments);
        }
        visit::visit_path(self, path);
    }
}

/// What each file of a crate imports of it.
fn imports(source: &Path) -> BTreeMap<Module, BTreeSet<Module>> {
    let modules = modules(source);
    let read = |(file, path): (&Module, &PathBuf)| {
        let text = fs::read_to_string(path).unwrap();
        let (module, found) = (file.clone(), BTreeSet::new());
        let mut imports = Imports { modules: &modules, file, module, found };
        let parsed = syn::parse_file(&text).unwrap();
        imports.visit_file(&parsed);
        (file.clone(), imports.found)
    };
    modules.iter().map(read).collect()
}

/// The files that are left when, again and again, files are taken out that import none of those left or are imported by
/// none of them: each is part of a circle, or on a way from one circle to another.
fn in_circles(mut imports: BTreeMap<Module, BTreeSet<Module>>) -> BTreeMap<Module, BTreeSet<Module>> {
    loop {
        let left: BTreeSet<Module> = imports.keys().cloned().collect();
        imports.retain(|_, imported| !imported.is_disjoint(&left));
        let imported: BTreeSet<Module> = imports.values().flatten().cloned().collect();
        imports.retain(|module, _| imported.contains(module));
        if imports.len() == left.len() {
            return imports;
        }
    }
}

#[test]
fn no_file_imports_one_that_imports_it_directly_or_around_corners() {
    for package in ["domain", "shared", "shared/files", "switchboard", "deploy", "tests", "xtask"] {
        let circles = in_circles(imports(&root().join(package).join("src")));
        let shown: Vec<String> = circles
            .iter()
            .map(|(module, imported)| {
                let of_circle = imported.iter().filter(|module| circles.contains_key(*module));
                let names: Vec<String> = of_circle.map(|module| module.join("::")).collect();
                format!("{} -> {}", module.join("::"), names.join(", "))
            })
            .collect();
        assert!(shown.is_empty(), "{package}: {shown:#?}");
    }
}

#[test]
fn a_circle_around_a_corner_is_found_and_what_leads_to_it_is_not() {
    let module = |name: &str| vec![name.to_owned()];
    let graph = [("a", "b"), ("b", "c"), ("c", "a"), ("before", "a"), ("c", "behind"), ("behind", "end")];
    let mut imports: BTreeMap<Module, BTreeSet<Module>> = BTreeMap::new();
    for (from, to) in graph {
        imports.entry(module(from)).or_default().insert(module(to));
        imports.entry(module(to)).or_default();
    }
    let found: Vec<Module> = in_circles(imports).into_keys().collect();
    assert_eq!(found, ["a", "b", "c"].map(module));
}

#[test]
fn an_import_is_read_however_it_is_written() {
    let folder = tempfile::tempdir().unwrap();
    for (file, text) in [
        ("lib.rs", "pub use low::Low;\npub mod low;\npub mod room;\nuse room::inner::{self, Deep};"),
        ("low.rs", "fn f() { crate::room::g() }\n#[cfg(test)]\nmod tests { use crate::room::inner::Deep; }"),
        ("room/mod.rs", "mod inner;\nuse self::inner::Deep;\nmod within { use super::super::low::Low; }"),
        ("room/inner.rs", "use crate::{low::{Low as Other}, room};"),
    ] {
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let of = |path: &str| -> Module { path.split("::").filter(|name| !name.is_empty()).map(str::to_owned).collect() };
    let expected = [
        ("", vec!["room::inner"]),
        ("low", vec!["room"]),
        ("room", vec!["low", "room::inner"]),
        ("room::inner", vec!["low", "room"]),
    ];
    let expected: BTreeMap<Module, BTreeSet<Module>> =
        expected.into_iter().map(|(file, all)| (of(file), all.into_iter().map(of).collect())).collect();
    assert_eq!(imports(folder.path()), expected);
}
