//! The reference is as good as its parts are whole.

use super::*;

fn reference() -> (Value, String) {
    let document = portleased::http::document();
    (serde_json::from_str(document).unwrap(), markdown(document))
}

#[test]
fn every_operation_and_every_type_is_in_it() {
    let (document, page) = reference();
    for (path, methods) in object(&document["paths"]) {
        for (method, operation) in object(methods) {
            let method = method.to_uppercase();
            let head = format!("\n### `{method} {path}`\n\n{}\n", text(&operation["summary"]));
            assert!(page.contains(&head), "{head}");
        }
    }
    for (name, schema) in object(&document["components"]["schemas"]) {
        let at = page.find(&format!("\n### {name}\n")).unwrap_or_else(|| panic!("no {name}"));
        for (field, _) in object(&schema["properties"]) {
            assert!(page[at..].contains(&format!("\n| `{field}` | ")), "{name}.{field}");
        }
    }
}

#[test]
fn every_link_has_an_end() {
    let (_, page) = reference();
    let heads = page.lines().filter_map(|line| line.strip_prefix("### "));
    let heads: Vec<String> = heads.map(str::to_lowercase).collect();
    let links: Vec<&str> = page.split("](#").skip(1).filter_map(|rest| rest.split(')').next()).collect();
    assert!(links.len() > 20);
    for link in links {
        assert!(heads.iter().any(|head| head == link), "{link}");
    }
}

#[test]
fn a_table_is_not_broken_by_what_is_in_it() {
    let mut page = Page::default();
    page.table(["a", "b", "c"], vec![["x|y".to_owned(), "two\nlines".to_owned(), String::new()]]);
    assert_eq!(page.0, "| a | b | c |\n|---|---|---|\n| x\\|y | two lines |  |\n");
}
