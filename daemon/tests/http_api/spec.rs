//! The description of the API against the server: every answer that a test of
//! this crate gets must be one that the description names.

use serde_json::Value;

use crate::{
    server::TestServer,
    support::http::{Answer, request},
};

fn document() -> Value {
    serde_json::from_str(portleased::http::document()).unwrap()
}

/// The operation of a request, if the description has one.
fn operation<'a>(document: &'a Value, method: &str, target: &str) -> Option<&'a Value> {
    let path: Vec<&str> = target.split('?').next()?.split('/').collect();
    let matches = |template: &str| {
        let template: Vec<&str> = template.split('/').collect();
        let mut pairs = template.iter().zip(&path);
        template.len() == path.len() && pairs.all(|(part, given)| part == given || part.starts_with('{'))
    };
    let paths = document["paths"].as_object().unwrap();
    let (_, methods) = paths.iter().find(|(template, _)| matches(template))?;
    // HEAD is answered as GET is.
    let method = if method == "HEAD" { "get".to_owned() } else { method.to_lowercase() };
    methods.get(method)
}

/// Fails unless the description names this status, and for a refusal its code.
#[track_caller]
pub(crate) fn conforms(method: &str, target: &str, answer: &Answer) {
    // hyper's own answers to heads that are malformed or too large.
    if answer.body.is_empty() && [400, 414, 431].contains(&answer.status) {
        return;
    }
    let nowhere = br#""code":"not_found""#;
    if answer.status == 404 && answer.body.windows(nowhere.len()).any(|part| part == nowhere) {
        return;
    }
    let document = document();
    let Some(operation) = operation(&document, method, target) else {
        assert_eq!(answer.status, 405, "{method} {target} is not described");
        return;
    };
    let described = &operation["responses"][answer.status.to_string()];
    assert!(!described.is_null(), "{method} {target} answers {}, which is not described", answer.status);
    if let Some(shared) = described["$ref"].as_str() {
        let described = document.pointer(shared.trim_start_matches('#')).expect("a shared answer");
        let problem: Value = serde_json::from_slice(&answer.body)
            .unwrap_or_else(|_| panic!("{method} {target} answers {} with {:?}", answer.status, answer.body));
        let codes = described["content"]["application/problem+json"]["examples"].as_object().expect("codes");
        let code = problem["code"].as_str().expect("a code");
        assert!(codes.contains_key(code), "{method} {target} answers {code}, which is not described");
    } else {
        let kind = answer.header("content-type").and_then(|kind| kind.split(';').next());
        let described = described["content"].as_object().and_then(|content| content.keys().next());
        assert_eq!(kind, described.map(String::as_str), "{method} {target}");
    }
}

#[test]
fn what_is_served_is_the_description() {
    let server = TestServer::start();
    let answer = server.get("/v1/openapi.json");
    answer.json(200);
    assert_eq!(answer.body, portleased::http::document().as_bytes());
}

#[test]
fn every_operation_is_there_and_no_other_method() {
    let server = TestServer::start();
    for (path, methods) in document()["paths"].as_object().unwrap() {
        let target = path.replace("{project}", "myapp").replace("{service}", "web");
        for method in ["get", "put", "post", "delete", "patch", "options", "trace"] {
            // The head says it all, and a stream has no end.
            let mut connection = server.unix();
            connection.send(request(&method.to_uppercase(), &target, "{}"));
            let there = connection.head().status != 405;
            assert_eq!(there, methods.get(method).is_some(), "{method} {path}");
        }
    }
}

/// Every object that has one of these keys has all that a reader needs.
fn walk(value: &Value, at: &str, check: &mut impl FnMut(&str, &Value)) {
    check(at, value);
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| walk(value, &format!("{at}/{name}"), check))
        }
        Value::Array(values) => {
            values.iter().enumerate().for_each(|(i, value)| walk(value, &format!("{at}/{i}"), check));
        }
        _ => {}
    }
}

#[test]
fn nothing_is_left_undescribed() {
    let document = document();
    let described = |value: &Value| value["description"].as_str().is_some_and(|text| !text.trim().is_empty());
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let summary = operation["summary"].as_str().unwrap_or_default();
            assert!(summary.ends_with('.') && !summary.starts_with('`'), "{method} {path}: {summary:?}");
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                assert!(described(parameter), "{method} {path}: {parameter}");
            }
            for (status, answer) in operation["responses"].as_object().unwrap() {
                assert!(described(answer) || answer.get("$ref").is_some(), "{method} {path}: {status}");
                let body = answer["content"]["application/json"].as_object();
                let shown =
                    body.is_none_or(|body| body.contains_key("examples")) || path == "/v1/openapi.json";
                assert!(shown, "{method} {path}: {status} without an example");
            }
        }
    }
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        assert!(described(schema), "{name}");
        for (field, property) in schema["properties"].as_object().into_iter().flatten() {
            assert!(described(property), "{name}.{field}");
        }
        let words = schema["enum"].as_array().into_iter().flatten();
        for word in words.filter_map(Value::as_str) {
            let text = schema["description"].as_str().unwrap();
            assert!(text.contains(&format!("- `{word}`: ")), "{name}: {word}");
        }
    }
    walk(&document, "", &mut |at, value| {
        if let Some(reference) = value.get("$ref").and_then(Value::as_str) {
            assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{at}: {reference}");
        }
        if let Some(text) = value.get("description").and_then(Value::as_str) {
            assert!(!text.contains("[`"), "{at}: a link that only rustdoc understands: {text}");
        }
    });
}

#[test]
fn the_examples_of_requests_are_understood() {
    let document = document();
    let examples = document["components"]["schemas"]["GetRequest"]["examples"].as_array().unwrap();
    assert!(examples.len() > 2);
    for example in examples {
        let request: portlease_proto::GetRequest = serde_json::from_value(example.clone()).unwrap();
        request.check().unwrap();
    }
}
