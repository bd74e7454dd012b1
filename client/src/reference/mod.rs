//! The reference for people, in Markdown, made from the OpenAPI document. Pure.

mod operations;
mod types;

use serde_json::Value;

/// The whole reference.
pub(crate) fn markdown(document: &str) -> String {
    let document: Value = serde_json::from_str(document).unwrap_or_default();
    let mut page = Page::default();
    page.part(&format!(
        "# The HTTP API of {} {}",
        text(&document["info"]["title"]),
        text(&document["info"]["version"])
    ));
    page.part("<!-- Written by `portlease docs > docs/api.md`; the words are in the code. -->");
    page.part(text(&document["info"]["description"]));
    page.part("## Where");
    page.part(&list(&document["servers"], |server| {
        format!("`{}`: {}", text(&server["url"]), text(&server["description"]))
    }));
    for (name, scheme) in object(&document["components"]["securitySchemes"]) {
        page.part(&format!("**Authorization: Bearer** (`{name}`). {}", text(&scheme["description"])));
    }
    operations::write(&document, &mut page);
    types::write(&document, &mut page);
    page.0
}

/// Paragraphs, with an empty line between them.
#[derive(Default)]
struct Page(String);

impl Page {
    fn part(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        if !self.0.is_empty() {
            self.0.push('\n');
        }
        self.0.push_str(text.trim_end());
        self.0.push('\n');
    }

    fn json(&mut self, value: &Value) {
        let pretty = serde_json::to_string_pretty(value).unwrap_or_default();
        self.part(&format!("```json\n{pretty}\n```"));
    }

    fn table(&mut self, head: [&str; 3], rows: Vec<[String; 3]>) {
        if rows.is_empty() {
            return;
        }
        let line = |cells: [&str; 3]| {
            format!("| {} |\n", cells.map(|cell| cell.replace('|', "\\|").replace('\n', " ")).join(" | "))
        };
        let body: String = rows.iter().map(|row| line([&row[0], &row[1], &row[2]])).collect();
        self.part(&format!("{}|---|---|---|\n{body}", line(head)));
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn object(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn list(values: &Value, line: impl Fn(&Value) -> String) -> String {
    array(values).iter().map(|value| format!("- {}\n", line(value))).collect()
}

#[cfg(test)]
mod tests;
