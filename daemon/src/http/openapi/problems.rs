//! The answers of problem+json that an operation can give, beside its handler
//! and by type, so that none is forgotten or made up.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use portlease_proto::{ErrorCode, Problem};
use serde_json::json;
use utoipa::{
    ToSchema,
    openapi::{
        AllOfBuilder, ContentBuilder, ObjectBuilder, Ref, RefOr, Response, ResponseBuilder, Type,
        example::ExampleBuilder,
    },
};

use super::words;
use crate::http::error::ApiError;

/// A status and the code that comes with it.
pub(in crate::http) type Refusal = (u16, ErrorCode);

/// What every request can meet, whatever it asks for.
const ALWAYS: &[Refusal] = &[
    (400, ErrorCode::InvalidRequest),
    (400, ErrorCode::ForbiddenHost),
    (401, ErrorCode::TokenRequired),
    (403, ErrorCode::ForbiddenHost),
    (403, ErrorCode::ForbiddenOrigin),
    (403, ErrorCode::WrongUser),
];

/// Names the refusals of one operation, for its `responses`.
macro_rules! refusals {
    ($name:ident: $($status:literal $code:ident),* $(,)?) => {
        pub(in $crate::http) enum $name {}

        impl utoipa::IntoResponses for $name {
            fn responses() -> std::collections::BTreeMap<String, utoipa::openapi::RefOr<utoipa::openapi::Response>> {
                $crate::http::openapi::problems::responses(&[$(($status, portlease_proto::ErrorCode::$code)),*])
            }
        }
    };
}
pub(in crate::http) use refusals;

/// One answer for each status, with all codes that come with it.
pub(in crate::http) fn responses(special: &[Refusal]) -> BTreeMap<String, RefOr<Response>> {
    let mut by_status: BTreeMap<u16, Vec<ErrorCode>> = BTreeMap::new();
    for (status, code) in ALWAYS.iter().chain(special) {
        by_status.entry(*status).or_default().push(*code);
    }
    by_status
        .into_iter()
        .map(|(status, codes)| (status.to_string(), response(status, &codes).into()))
        .collect()
}

fn response(status: u16, codes: &[ErrorCode]) -> Response {
    let words: Vec<String> = codes.iter().map(|code| ApiError::word(*code)).collect();
    let lines: Vec<String> = codes
        .iter()
        .zip(&words)
        .map(|(code, word)| format!("`{word}`: {}.", words::of_code(*code)))
        .collect();
    let told = ObjectBuilder::new()
        .property("status", ObjectBuilder::new().schema_type(Type::Integer).enum_values(Some([status])))
        .property("code", ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words.clone())));
    let schema = AllOfBuilder::new().item(Ref::from_schema_name(Problem::name())).item(told);
    let examples = codes.iter().zip(words).map(|(code, word)| {
        let example =
            ApiError::new(StatusCode::from_u16(status).unwrap_or_default(), *code, words::of_code(*code));
        (word, ExampleBuilder::new().value(Some(json!(example.problem()))).build())
    });
    let content = ContentBuilder::new()
        .schema(Some(utoipa::openapi::Schema::from(schema)))
        .examples_from_iter(examples)
        .build();
    ResponseBuilder::new().description(lines.join("\n")).content("application/problem+json", content).build()
}
