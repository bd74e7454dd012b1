//! What the derives leave open: examples from the golden files, the words that
//! answers choose from, and answers that many operations share.

use std::collections::BTreeMap;

use portlease_proto::{MAX_BATCH, openapi::EXAMPLES};
use serde_json::{Map, Value, json};

use super::words;

/// The word that an older client reads in place of one that it does not know;
/// no answer has it.
const UNKNOWN: &str = "unknown";

pub(super) fn finish(document: &mut Value) {
    if let Some(schemas) = document["components"]["schemas"].as_object_mut() {
        for (name, schema) in schemas.iter_mut() {
            tell_words(name, schema);
            lift_descriptions(schema);
        }
        for (name, file, text) in EXAMPLES {
            debug_assert!(schemas.contains_key(*name), "{file} is of no type in the document");
            if let Ok(example) = serde_json::from_str(text) {
                add_example(schemas, name, &example);
            }
        }
    }
    tell_rules(&mut document["components"]["schemas"]);
    tell_required_bodies(document);
    document["components"]["responses"] = share_refusals(&mut document["paths"]);
}

fn tell_words(name: &str, schema: &mut Value) {
    let Some(words) = schema.get_mut("enum").and_then(Value::as_array_mut) else { return };
    words.retain(|word| word != UNKNOWN);
    let line = |word: &Value| Some(format!("- `{}`: {}.", word.as_str()?, words::meaning(name, word)?));
    let lines: Vec<String> = words.iter().filter_map(line).collect();
    let before = schema["description"].as_str().unwrap_or_default().to_owned();
    schema["description"] = format!("{before}\n\n{}", lines.join("\n")).into();
}

/// What holds between fields, and no derive can say.
fn tell_rules(schemas: &mut Value) {
    let given = |field: &str| json!({"required": [field], "properties": {field: {"not": {"type": "null"}}}});
    schemas["AnonymousRequest"]["anyOf"] = json!([given("ttl_s"), given("owner_pid")]);
    let services = &mut schemas["BatchRequest"]["properties"]["services"];
    services["minProperties"] = 1.into();
    services["maxProperties"] = MAX_BATCH.into();
}

/// An empty body stands for `{}`, which is enough where no field is required.
fn tell_required_bodies(document: &mut Value) {
    let schemas = document["components"]["schemas"].clone();
    for operation in operations(&mut document["paths"]) {
        let Some(body) = operation.get_mut("requestBody") else { continue };
        let required = type_of(&body["content"]["application/json"]["schema"]).is_some_and(|name| {
            let needs = &schemas[name];
            needs["required"].as_array().is_some_and(|fields| !fields.is_empty()) || needs["anyOf"].is_array()
        });
        body["required"] = required.into();
    }
}

fn operations(paths: &mut Value) -> impl Iterator<Item = &mut Value> {
    let paths = paths.as_object_mut().into_iter().flatten();
    let methods = paths.flat_map(|(_, methods)| methods.as_object_mut().into_iter().flatten());
    methods.map(|(_, operation)| operation)
}

/// Of a field that may be null, utoipa describes the part that is not.
fn lift_descriptions(schema: &mut Value) {
    for (_, field) in schema.get_mut("properties").and_then(Value::as_object_mut).into_iter().flatten() {
        let choices = field.get_mut("oneOf").and_then(Value::as_array_mut).into_iter().flatten();
        let mut described = choices.filter_map(|choice| choice.as_object_mut()?.remove("description"));
        if let Some(description) = described.next() {
            field["description"] = description;
        }
    }
}

/// The message as a whole, and its parts with the fields and types that have
/// none yet.
fn add_example(schemas: &mut Map<String, Value>, name: &str, example: &Value) {
    let Some(schema) = schemas.get_mut(name).and_then(Value::as_object_mut) else { return };
    push(schema, example);
    let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) else { return };
    let mut parts = Vec::new();
    for (field, property) in properties {
        let Some(value) = example.get(field).filter(|value| !value.is_null()) else { continue };
        if let Some(part) = type_of(property) {
            parts.push((part, value.as_array().and_then(|all| all.first()).unwrap_or(value)));
        } else if let Some(property) =
            property.as_object_mut().filter(|field| !field.contains_key("examples"))
        {
            push(property, value);
        }
    }
    for (part, value) in parts {
        if schemas.get(&part).is_some_and(|schema| schema.get("examples").is_none()) {
            add_example(schemas, &part, value);
        }
    }
}

/// The type that a field is of, or is a list of, or is of where it is not null.
fn type_of(property: &Value) -> Option<String> {
    let name = |value: &Value| Some(value.get("$ref")?.as_str()?.rsplit('/').next()?.to_owned());
    let or_null = || match property.get("oneOf")?.as_array()?.as_slice() {
        [null, other] if null["type"] == "null" => name(other),
        _ => None,
    };
    name(property).or_else(|| name(property.get("items")?)).or_else(or_null)
}

fn push(schema: &mut Map<String, Value>, example: &Value) {
    let examples = schema.entry("examples").or_insert_with(|| json!([]));
    if let Some(examples) = examples.as_array_mut() {
        examples.push(example.clone());
    }
}

/// Puts each answer of problem+json under a name made of its status and codes,
/// where all operations that give it find it.
fn share_refusals(paths: &mut Value) -> Value {
    let mut shared = BTreeMap::new();
    for operation in operations(paths) {
        for (status, answer) in operation["responses"].as_object_mut().into_iter().flatten() {
            let examples = &answer["content"]["application/problem+json"]["examples"];
            let codes: Vec<&str> =
                examples.as_object().into_iter().flatten().map(|(code, _)| code.as_str()).collect();
            if !codes.is_empty() {
                let name = format!("{status}-{}", codes.join("-"));
                let reference = json!({"$ref": format!("#/components/responses/{name}")});
                shared.insert(name, std::mem::replace(answer, reference));
            }
        }
    }
    json!(shared)
}
