//! Every operation: what goes in, what comes out, and an example of both.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Page, array, object, text, types};

/// Status, code and meaning.
type Refusal = [String; 3];

pub(super) fn write(document: &Value, page: &mut Page) {
    let always = shared_by_all(document);
    page.part("## Refused whatever is asked");
    page.table(["status", "`code`", "meaning"], always.iter().cloned().collect());
    for tag in array(&document["tags"]) {
        page.part(&format!("## {}", types::capital(text(&tag["name"]))));
        page.part(text(&tag["description"]));
        for (method, path, operation) in all(document) {
            if array(&operation["tags"]).first() == Some(&tag["name"]) {
                page.part(&format!("### `{} {path}`", method.to_uppercase()));
                page.part(text(&operation["summary"]));
                page.part(text(&operation["description"]));
                request(operation, page);
                answers(document, operation, &always, page);
            }
        }
    }
}

fn all(document: &Value) -> impl Iterator<Item = (&String, &String, &Value)> {
    object(&document["paths"])
        .flat_map(|(path, methods)| object(methods).map(move |(method, operation)| (method, path, operation)))
}

fn shared_by_all(document: &Value) -> BTreeSet<Refusal> {
    let mut each =
        all(document).map(|(_, _, operation)| refusals(document, operation).collect::<BTreeSet<_>>());
    let first = each.next().unwrap_or_default();
    each.fold(first, |shared, next| shared.intersection(&next).cloned().collect())
}

fn request(operation: &Value, page: &mut Page) {
    let parameter = |parameter: &Value| {
        let place = match text(&parameter["in"]) {
            "query" => "in the query",
            "header" => "a header",
            _ => "in the path",
        };
        let kind = types::short(&parameter["schema"]);
        let name = format!("`{}`", text(&parameter["name"]));
        [name, format!("{kind}, {place}"), text(&parameter["description"]).to_owned()]
    };
    let parameters = array(&operation["parameters"]).iter().map(parameter).collect();
    page.table(["parameter", "type", "meaning"], parameters);
    if let Some(body) = operation.get("requestBody") {
        let (_, content) = content(body);
        page.part(&format!("**Body**: {}. {}", types::short(&content["schema"]), text(&body["description"])));
        examples(content, page);
    }
}

fn content(body: &Value) -> (&str, &Value) {
    let first = object(&body["content"]).next();
    first.map_or(("", &Value::Null), |(kind, content)| (kind.as_str(), content))
}

fn examples(content: &Value, page: &mut Page) {
    for (name, example) in object(&content["examples"]) {
        page.part(&format!("For example, {name}:"));
        page.json(&example["value"]);
    }
    if let Some(example) = content["example"].as_str() {
        page.part(&format!("```text\n{}\n```", example.trim_end()));
    }
}

fn is_success(status: &str) -> bool {
    status.starts_with('2')
}

/// The successes with their examples, then the refusals as a table.
fn answers(document: &Value, operation: &Value, always: &BTreeSet<Refusal>, page: &mut Page) {
    for (status, answer) in object(&operation["responses"]).filter(|(status, _)| is_success(status)) {
        let (kind, content) = content(answer);
        let what = match kind {
            "" => "no body".to_owned(),
            "application/json" => types::short(&content["schema"]),
            kind => format!("`{kind}`"),
        };
        page.part(&format!("**{status}**: {} ({what})", text(&answer["description"]).trim_end_matches('.')));
        examples(content, page);
    }
    let rows = refusals(document, operation).filter(|refusal| !always.contains(refusal));
    page.table(["status", "`code`", "meaning"], rows.collect());
}

fn refusals<'a>(document: &'a Value, operation: &'a Value) -> impl Iterator<Item = Refusal> + 'a {
    let refusals = object(&operation["responses"]).filter(|(status, _)| !is_success(status));
    refusals.flat_map(move |(status, answer)| {
        let shared = answer["$ref"].as_str().and_then(|name| document.pointer(name.strip_prefix('#')?));
        text(&shared.unwrap_or(answer)["description"]).lines().map(move |line| {
            let (code, meaning) = line.split_once(": ").unwrap_or((line, ""));
            [status.clone(), code.to_owned(), meaning.trim_end_matches('.').to_owned()]
        })
    })
}
