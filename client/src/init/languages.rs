//! Files that name what a project is built with: Python, Ruby, Rust, Go.

use super::{Found, frameworks};

/// `manage.py` of Django, which other projects may have for other things.
pub(super) fn django(file: &str, text: &str) -> Result<Vec<Found>, String> {
    let named = text.to_ascii_lowercase().contains("django");
    Ok(frameworks::among(frameworks::PYTHON, file, |package| named && package == "django")
        .into_iter()
        .collect())
}

/// `pyproject.toml`, of PEP 621 and of Poetry.
pub(super) fn pyproject(file: &str, text: &str) -> Result<Vec<Found>, String> {
    let table: toml::Table = parse(text)?;
    let project = table.get("project").and_then(|project| project.get("dependencies"));
    let listed =
        project.and_then(toml::Value::as_array).into_iter().flatten().filter_map(toml::Value::as_str);
    let poetry = table.get("tool").and_then(|tool| tool.get("poetry")?.get("dependencies")?.as_table());
    let names: Vec<String> = listed
        .chain(poetry.into_iter().flat_map(|table| table.keys().map(String::as_str)))
        .map(requirement)
        .collect();
    Ok(python(file, &names))
}

/// `requirements.txt`: a requirement a line.
pub(super) fn requirements(file: &str, text: &str) -> Result<Vec<Found>, String> {
    let names: Vec<String> = text.lines().map(requirement).collect();
    Ok(python(file, &names))
}

fn python(file: &str, names: &[String]) -> Vec<Found> {
    let named = |package: &str| names.iter().any(|name| name == package);
    frameworks::among(frameworks::PYTHON, file, named).into_iter().collect()
}

/// The name in a requirement: `Flask[async]>=3 ; python_version > "3"`.
fn requirement(text: &str) -> String {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && !"._-".contains(c)).unwrap_or(text.len());
    text[..end].to_ascii_lowercase().replace(['_', '.'], "-")
}

/// `Gemfile`, which is a program: only plain lines are read.
pub(super) fn gemfile(file: &str, text: &str) -> Result<Vec<Found>, String> {
    let gems: Vec<&str> = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("gem"))
        .filter_map(|rest| rest.split(['"', '\'']).nth(1))
        .collect();
    Ok(frameworks::among(frameworks::RUBY, file, |gem| gems.contains(&gem)).into_iter().collect())
}

/// `Cargo.toml`: dependencies of the package or of the workspace.
pub(super) fn cargo(file: &str, text: &str) -> Result<Vec<Found>, String> {
    let table: toml::Table = parse(text)?;
    let tables = [table.get("dependencies"), table.get("workspace").and_then(|w| w.get("dependencies"))];
    let named = |name: &str| tables.iter().flatten().any(|table| table.get(name).is_some());
    Ok(frameworks::among(frameworks::RUST, file, named).into_iter().collect())
}

/// `go.mod`: a module is a word that may end with its major version.
pub(super) fn go(file: &str, text: &str) -> Result<Vec<Found>, String> {
    let words: Vec<&str> =
        text.lines().filter(|line| !line.contains("// indirect")).flat_map(str::split_whitespace).collect();
    let is = |word: &str, module: &str| {
        word.strip_prefix(module).is_some_and(|rest| rest.is_empty() || rest.starts_with("/v"))
    };
    let named = |module: &str| words.iter().any(|word| is(word, module));
    Ok(frameworks::among(frameworks::GO, file, named).into_iter().collect())
}

fn parse(text: &str) -> Result<toml::Table, String> {
    text.parse().map_err(|error: toml::de::Error| error.message().to_owned())
}
