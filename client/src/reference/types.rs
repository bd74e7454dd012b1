//! Every type with its fields, and types in a few words.

use serde_json::{Map, Value};

use super::{Page, array, object, text};

pub(super) fn write(document: &Value, page: &mut Page) {
    page.part("## Types");
    for (name, schema) in object(&document["components"]["schemas"]) {
        page.part(&format!("### {name}"));
        page.part(text(&schema["description"]));
        let required = array(&schema["required"]);
        let field = |(name, field): (&String, &Value)| {
            let always = if required.iter().any(|required| required == name) { "" } else { ", optional" };
            [format!("`{name}`"), format!("{}{always}", short(field)), text(&field["description"]).to_owned()]
        };
        let fields: Vec<_> = object(&schema["properties"]).map(field).collect();
        // Words stand in the description, each with its meaning.
        if fields.is_empty() && schema.get("enum").is_none() {
            page.part(&format!("{}.", capital(&short(schema))));
        }
        page.table(["field", "type", "meaning"], fields);
        let size = |example: &&Value| example.as_object().map_or(0, Map::len);
        let largest = array(&schema["examples"]).iter().max_by_key(size);
        if let Some(example) = largest.filter(|example| size(example) > 0) {
            page.json(example);
        }
    }
}

pub(super) fn capital(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// A schema in a few words; a type with a name of its own is a link to it.
pub(super) fn short(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()) {
        return format!("[{name}](#{})", name.to_lowercase());
    }
    let choices = array(&schema["oneOf"]);
    if !choices.is_empty() {
        return choices.iter().map(short).collect::<Vec<_>>().join(" or ");
    }
    let kinds: Vec<&str> = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().map(text).collect(),
        kind => vec![text(kind)],
    };
    kinds.iter().map(|kind| of_kind(kind, schema)).collect::<Vec<_>>().join(" or ")
}

fn of_kind(kind: &str, schema: &Value) -> String {
    let bound = |name: &str| schema[name].as_u64();
    let with = |bound: Option<u64>, words: &dyn Fn(u64) -> String| bound.map(words).unwrap_or_default();
    match kind {
        "array" => {
            let most = with(bound("maxItems"), &|most| format!(" (at most {most})"));
            format!("list of {}{most}", short(&schema["items"]))
        }
        "object" if schema["additionalProperties"].is_object() => {
            let most = with(bound("maxProperties"), &|most| format!(" (at most {most})"));
            format!("object of {}{most}", short(&schema["additionalProperties"]))
        }
        "string" => match (&schema["format"], &schema["pattern"]) {
            (Value::String(format), _) => format!("string ({format})"),
            (_, Value::String(pattern)) => format!("string (`{pattern}`)"),
            _ => format!("string{}", with(bound("maxLength"), &|most| format!(" up to {most} long"))),
        },
        "integer" => {
            let from = with(bound("minimum"), &|from| format!(" from {from}"));
            format!("integer{from}{}", with(bound("maximum"), &|to| format!(" to {to}")))
        }
        kind => kind.to_owned(),
    }
}
