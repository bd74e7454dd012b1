//! Text with the names of services in it, `postgres://localhost:{db}/myapp`,
//! each of which stands for its port.

use std::str::FromStr;

use portlease_proto::ServiceName;

/// The value of a computed variable. `{{` and `}}` are braces.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Template(Vec<Part>);

/// A piece of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// As it is.
    Text(String),
    /// The port of this service.
    Port(ServiceName),
}

impl Template {
    /// Its pieces in their order.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        &self.0
    }

    /// The services whose ports are in it.
    pub fn services(&self) -> impl Iterator<Item = &ServiceName> {
        self.0.iter().filter_map(|part| match part {
            Part::Port(service) => Some(service),
            Part::Text(_) => None,
        })
    }

    fn push(&mut self, c: char) {
        if let Some(Part::Text(text)) = self.0.last_mut() {
            text.push(c);
        } else {
            self.0.push(Part::Text(c.to_string()));
        }
    }
}

impl FromStr for Template {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut template = Self::default();
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            let after = &rest[c.len_utf8()..];
            rest = match c {
                '{' | '}' if after.starts_with(c) => {
                    template.push(c);
                    &after[1..]
                }
                '{' => {
                    let (name, after) =
                        after.split_once('}').ok_or("a { without its }: write {{ for a brace")?;
                    let service = name.parse().map_err(|error| format!("{error}; write {{{{ for a brace"))?;
                    template.0.push(Part::Port(service));
                    after
                }
                '}' => return Err("a } without its {: write }} for a brace".to_owned()),
                c => {
                    template.push(c);
                    after
                }
            };
        }
        Ok(template)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Result<String, String> {
        let template: Template = text.parse()?;
        let shown = template.parts().iter().map(|part| match part {
            Part::Text(text) => format!("[{text}]"),
            Part::Port(service) => format!("<{service}>"),
        });
        Ok(shown.collect())
    }

    #[test]
    fn names_in_braces_are_services() {
        assert_eq!(shown("").unwrap(), "");
        assert_eq!(shown("postgres://localhost:{db}/é").unwrap(), "[postgres://localhost:]<db>[/é]");
        assert_eq!(shown("{web}{db}").unwrap(), "<web><db>");
        assert_eq!(shown("{{\"port\": {web}}}").unwrap(), "[{\"port\": ]<web>[}]");
    }

    #[test]
    fn a_brace_that_is_none_of_both_is_refused() {
        for text in ["{", "{web", "}", "a } b", "{}", "{a b}", "{{{"] {
            assert!(shown(text).unwrap_err().contains("for a brace"), "{text}");
        }
    }
}
