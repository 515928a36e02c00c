//! Reader of what the files of a crate import from each other.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// Path of a module or an item within its crate, without `crate`; empty for the root.
pub(super) type ItemPath = Vec<String>;

/// Files that each file imports from.
pub(super) type Imports = BTreeMap<ItemPath, BTreeSet<ItemPath>>;

/// Paths of the names that the `use` declarations of each file declare.
type Scopes = BTreeMap<ItemPath, BTreeMap<String, ItemPath>>;

/// Names in one file.
#[derive(Default)]
struct FileNames {
    /// Each name that a `use` declares, with its path, and whether it is exported.
    uses: Vec<(String, ItemPath, bool)>,
    /// Paths of two names or more, outside `use`.
    paths: Vec<ItemPath>,
    /// Single names, outside `use`.
    names: BTreeSet<String>,
}

/// Returns what the files of a crate import, given their texts by module. A name is followed
/// through `use` to the file that has the item. Tests do not count, nor does a `pub use` of a name
/// that its own file does not use.
pub(super) fn imports_of_files(texts: &BTreeMap<ItemPath, String>) -> Imports {
    let read = |(module, text): (&ItemPath, &String)| (module.clone(), read_names(text));
    let files: BTreeMap<_, _> = texts.iter().map(read).collect();
    let scope = |(module, names): (&ItemPath, &FileNames)| {
        let declared = names.uses.iter().filter_map(|(name, path, _)| {
            let path = absolute(texts, module, path)?;
            // Not an item of the file itself.
            let (item, above) = path.split_last()?;
            (above != module || item != name).then(|| (name.clone(), path.clone()))
        });
        (module.clone(), declared.collect())
    };
    let scopes: Scopes = files.iter().map(scope).collect();
    let imports = files.iter().map(|(module, names)| {
        let uses = names.uses.iter();
        let used = uses.filter(|(name, _, exported)| !exported || names.names.contains(name));
        let paths = used.map(|(_, path, _)| path).chain(&names.paths);
        let imported = paths.filter_map(|path| {
            let in_scope = || Some([&scopes[module].get(&path[0])?[..], &path[1..]].concat());
            let path = absolute(texts, module, path).or_else(in_scope)?;
            Some(file_of(&scopes, &path)).filter(|file| file != module)
        });
        (module.clone(), imported.collect())
    });
    imports.collect()
}

/// Returns a path from the root of the crate, or `None` if it does not begin with `crate`, `self`,
/// `super` or a child of the module.
fn absolute(
    texts: &BTreeMap<ItemPath, String>,
    module: &[String],
    path: &[String],
) -> Option<ItemPath> {
    let child = [module, &path[..1]].concat();
    if !["crate", "self", "super"].contains(&&*path[0]) && !texts.contains_key(&child) {
        return None;
    }
    let mut found = module.to_vec();
    for name in path {
        match name.as_str() {
            "crate" => found.clear(),
            "self" => {}
            "super" => drop(found.pop()),
            name => found.push(name.to_owned()),
        }
    }
    Some(found)
}

/// Returns the file that has the item of a path: the longest beginning of the path that is a file,
/// unless a `use` of that file declares the item.
fn file_of(scopes: &Scopes, path: &[String]) -> ItemPath {
    let mut lengths = (0..=path.len()).rev();
    let length = lengths.find(|length| scopes.contains_key(&path[..*length]));
    let (file, item) = path.split_at(length.unwrap_or_default());
    match item.first().and_then(|name| scopes[file].get(name)) {
        Some(declared) => file_of(scopes, &[&declared[..], &item[1..]].concat()),
        None => file.to_vec(),
    }
}

fn read_names(text: &str) -> FileNames {
    let mut words = Vec::new();
    read_words(text.parse().unwrap(), &mut words);
    let mut names = FileNames::default();
    let mut before = "";
    let mut rest = &words[..];
    while let Some((word, after)) = rest.split_first() {
        rest = after;
        // `use <` is a bound.
        if word == "use" && after.first().is_some_and(|next| next != "<") {
            let mut found = Vec::new();
            rest = read_use(after, &[], &mut found);
            // `pub` or `pub(crate)` is in front of an exported one.
            let exported = ["pub", ")"].contains(&before);
            let found = found.into_iter().map(|(name, path)| (name, path, exported));
            names.uses.extend(found);
        } else if is_name(word) && !["::", ".", "mod"].contains(&before) {
            let mut path = vec![word.clone()];
            while let [sign, name, others @ ..] = rest
                && sign == "::"
                && is_name(name)
            {
                path.push(name.clone());
                rest = others;
            }
            if path.len() > 1 {
                names.paths.push(path);
            } else {
                names.names.extend(path);
            }
        }
        before = word;
    }
    names
}

/// Reads the tree of a `use`, such as `super::a::{b, c::D as E}`, below a path. Adds the declared
/// names with their paths, and returns the words after the tree.
fn read_use<'a>(
    mut words: &'a [String],
    above: &[String],
    found: &mut Vec<(String, ItemPath)>,
) -> &'a [String] {
    let mut path = above.to_vec();
    while let Some((word, after)) = words.split_first() {
        words = after;
        match word.as_str() {
            "{" => {
                while words.first().is_some_and(|word| word != "}") {
                    words = read_use(words, &path, found);
                    if words.first().is_some_and(|word| word == ",") {
                        words = &words[1..];
                    }
                }
                return words.get(1..).unwrap_or_default();
            }
            // They stand for the module itself.
            "*" => {}
            "self" if !path.is_empty() => {}
            name => path.push(name.to_owned()),
        }
        match words {
            [sign, after @ ..] if sign == "::" => words = after,
            [sign, name, after @ ..] if sign == "as" => {
                found.push((name.clone(), path));
                return after;
            }
            _ => break,
        }
    }
    found.extend(path.last().cloned().map(|name| (name, path)));
    words
}

fn is_name(word: &str) -> bool {
    word.starts_with(|char: char| char.is_alphabetic() || char == '_')
}

/// Reads the words and signs of a source, without its comments and texts, and without items under
/// `#[cfg(test)]`.
fn read_words(tokens: TokenStream, words: &mut Vec<String>) {
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::Parenthesis | Delimiter::None => ("(", ")"),
                };
                if open == "[" && group.stream().to_string().replace(' ', "") == "cfg(test)" {
                    tokens.by_ref().find(ends_item);
                    continue;
                }
                let mut inner = Vec::new();
                read_words(group.stream(), &mut inner);
                // The parent of a module within a file is the file itself.
                if matches!(&words[..], [.., word, _] if word == "mod") {
                    let paths = inner.split_mut(|word| word != "super" && word != "::");
                    for first in paths.filter_map(<[String]>::first_mut) {
                        if first == "super" {
                            *first = "self".to_owned();
                        }
                    }
                }
                words.push(open.to_owned());
                words.append(&mut inner);
                words.push(close.to_owned());
            }
            TokenTree::Ident(name) => words.push(name.to_string()),
            token if is_colon(&token) => {
                let second = tokens.next_if(is_colon);
                words.push(second.map_or(":", |_| "::").to_owned());
            }
            TokenTree::Punct(sign) => words.push(sign.to_string()),
            TokenTree::Literal(literal) => {
                // A path as a text, as in `#[serde(with = "crate::time::as_millis")]`.
                let text = literal.to_string();
                let path = text.trim_matches('"');
                match path.parse() {
                    Ok(path_words) if path.starts_with("crate::") => read_words(path_words, words),
                    _ => words.push("\"".to_owned()),
                }
            }
        }
    }
}

fn is_colon(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Punct(sign) if sign.as_char() == ':')
}

fn ends_item(token: &TokenTree) -> bool {
    match token {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        TokenTree::Punct(sign) => sign.as_char() == ';',
        _ => false,
    }
}

/// Returns a cycle of files, if there is one. Imports between a parent and its own child do not
/// count.
pub(super) fn cycle_in(imports: &Imports) -> Option<Vec<ItemPath>> {
    imports.keys().find_map(|first| {
        let mut ways = vec![vec![first]];
        let mut visited = BTreeSet::new();
        while let Some(way) = ways.pop() {
            let file = way[way.len() - 1];
            for next in &imports[file] {
                if is_parent(file, next) || is_parent(next, file) {
                    continue;
                }
                if next == first {
                    return Some(way.into_iter().cloned().collect());
                }
                if visited.insert(next) {
                    ways.push([&way[..], &[next]].concat());
                }
            }
        }
        None
    })
}

fn is_parent(parent: &ItemPath, child: &ItemPath) -> bool {
    let above = child.split_last().map(|(_, above)| above);
    above == Some(parent.as_slice())
}

fn path(path: &str) -> ItemPath {
    let names = path.split("::").filter(|name| !name.is_empty());
    names.map(str::to_owned).collect()
}

/// Returns the imports of files, each given as its module and its text.
fn imports(files: &[(&str, &str)]) -> Imports {
    let texts = files.iter();
    let texts = texts.map(|(module, text)| (path(module), (*text).to_owned()));
    imports_of_files(&texts.collect())
}

/// Returns what `a::b` imports if it has this text, in a crate whose root exports `c::Item`, and
/// whose module `a` exports `a::d::Part` as `Piece`.
fn imports_of(text: &str) -> Vec<String> {
    let root = "mod a; mod c; pub use c::Item; pub const LIMIT: u8 = 1;";
    let files = [
        ("", root),
        ("a", "mod b; mod d; pub(crate) use d::Part as Piece;"),
        ("a::b", text),
        ("a::b::e", ""),
        ("a::d", ""),
        ("c", ""),
    ];
    let found = &imports(&files)[&path("a::b")];
    found.iter().map(|file| file.join("::")).collect()
}

const NOTHING: [&str; 0] = [];

#[test]
fn groups_and_aliases_are_read() {
    let found = imports_of("use crate::{a::{d::{self, X}, Y as Z}, c};");
    assert_eq!(found, ["a", "a::d", "c"]);
    assert_eq!(imports_of("use super::super::c::X as Y;"), ["c"]);
    assert_eq!(imports_of("use std::c; use serde::{a, c};"), NOTHING);
}

#[test]
fn paths_in_bodies_are_read() {
    assert_eq!(imports_of("fn f() { e::f(); }"), ["a::b::e"]);
    assert_eq!(imports_of("routes!(e::list)"), ["a::b::e"]);
    assert_eq!(imports_of("fn f() { super::super::c::f() }"), ["c"]);
    assert_eq!(imports_of("use super::d as x; fn f() { x::f() }"), ["a::d"]);
    let attribute = "#[serde(with = \"crate::c\")] struct X;";
    assert_eq!(imports_of(attribute), ["c"]);
    let inner = "struct X; mod x { use super::X; use super::super::d; } fn f() { X::f() }";
    assert_eq!(imports_of(inner), ["a::d"]);
    assert_eq!(imports_of("fn f() { x.e::<u8>(); x::e::f() }"), NOTHING);
}

#[test]
fn names_are_followed_to_their_files() {
    assert_eq!(imports_of("use crate::Item;"), ["c"]);
    assert_eq!(imports_of("use super::Piece;"), ["a::d"]);
    assert_eq!(imports_of("fn f() { crate::Item::new() }"), ["c"]);
    assert_eq!(imports_of("use crate::LIMIT;"), [""]);
}

#[test]
fn an_export_counts_if_its_own_file_uses_the_name() {
    assert_eq!(imports_of("pub use e::X;"), NOTHING);
    assert_eq!(imports_of("pub use e::X; fn f(_: X) {}"), ["a::b::e"]);
}

#[test]
fn comments_texts_and_tests_do_not_count() {
    let text = "// crate::c\n/// crate::c\nconst X: &str = \"see crate::c\";\n\
                #[cfg(test)]\nmod tests { use crate::c; }";
    assert_eq!(imports_of(text), NOTHING);
}

#[test]
fn only_a_parent_and_its_child_may_import_each_other() {
    let parent = ("a", "mod b; mod c; fn f() { b::f(); }");
    let family = [parent, ("a::b", "use super::c;"), ("a::c", "use super::X;")];
    assert_eq!(cycle_in(&imports(&family)), None);
    let children = [parent, ("a::b", "use super::c;"), ("a::c", "use super::b;")];
    let cycle = ["a::b", "a::c"].map(path).to_vec();
    assert_eq!(cycle_in(&imports(&children)), Some(cycle));
    let strangers = [
        parent,
        ("a::b", "use crate::d;"),
        ("a::c", ""),
        ("d", "use crate::a::b;"),
    ];
    let cycle = ["a::b", "d"].map(path).to_vec();
    assert_eq!(cycle_in(&imports(&strangers)), Some(cycle));
}
