//! The manifest as text, with a comment for each thing that says where it was
//! found.

use portlease_proto::escape;

use super::{Found, WEB};

/// A manifest of this project with what was found.
pub(crate) fn manifest(project: &str, found: &[Found]) -> String {
    let mut text = format!("project = {}\n", quoted(project));
    if found.is_empty() {
        text.push_str(&format!(
            "\n# nothing here tells of a port, so any will do\n[services.{WEB}]\nenv = \"PORT\"\n"
        ));
    }
    for one in found {
        text.push('\n');
        for note in &one.notes {
            text.push_str(&format!("# {}\n", escape(note)));
        }
        if let (Some(inside), Some(variable)) = (&one.inside, &one.env) {
            // Not with a default: that would hide that the variable is missing.
            let publish = format!("${{{variable}:?run portlease env --write .env}}:{inside}");
            text.push_str(&format!("# publish it as \"{}\"\n", escape(&publish)));
        }
        text.push_str(&format!("[services.{}]\n", key(&one.service)));
        if let Some(port) = one.prefer {
            text.push_str(&format!("prefer = {port}\n"));
        }
        if let Some(variable) = &one.env {
            text.push_str(&format!("env = {}\n", quoted(variable)));
        }
        if let Some(protocol) = one.protocol {
            text.push_str(&format!("protocol = {}\n", quoted(&protocol.to_string())));
        }
    }
    text
}

/// A name with a dot would be two keys.
fn key(name: &str) -> String {
    if name.contains('.') { quoted(name) } else { name.to_owned() }
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}
