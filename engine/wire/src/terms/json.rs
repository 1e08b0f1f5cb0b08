//! JSON objects, field by field, keeping each value as it was written until its type is known.

use crate::limits::UNKNOWN_FIELDS_LISTED_MAX;
use crate::request::Shown;
use gavel_core::FieldError;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// One object. Fields are taken out one by one; what is left at the end is unknown.
pub(super) struct Object<'a> {
    fields: Vec<(String, &'a RawValue)>,
}

/// The errors so far, one per field: the first that is found.
#[derive(Default)]
pub(super) struct Errors(pub(super) Vec<FieldError>);

impl Errors {
    pub(super) fn add(&mut self, field: &'static str, problem: String) {
        if self.0.iter().all(|error| error.field != field) {
            self.0.push(FieldError { field, problem: problem.into() });
        }
    }
}

/// What a value must be, when it is not.
pub(super) type Must = &'static str;

impl<'a> Object<'a> {
    /// `None` when the text is not exactly one object.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// Takes one field out and reads it. `path` is its name in errors; what is behind the last dot is its name here.
    /// `None` when it is absent, null, or wrong, which is then among the errors.
    pub(super) fn take<T>(
        &mut self,
        path: &'static str,
        errors: &mut Errors,
        read: impl FnOnce(&'a str) -> Result<T, Must>,
    ) -> Option<T> {
        let raw = self.take_raw(path, errors)?;
        match read(raw) {
            Ok(value) => Some(value),
            Err(must) => {
                errors.add(path, format!("{must}, got {}", Shown::new(raw.as_bytes())));
                None
            }
        }
    }

    /// The same for a field that has to be there.
    pub(super) fn require<T>(
        &mut self,
        path: &'static str,
        errors: &mut Errors,
        read: impl FnOnce(&'a str) -> Result<T, Must>,
    ) -> Option<T> {
        let before = errors.0.len();
        let value = self.take(path, errors, read);
        if value.is_none() && errors.0.len() == before {
            errors.add(path, "is required".to_owned());
        }
        value
    }

    /// Takes one field out as it was written.
    pub(super) fn take_raw(&mut self, path: &'static str, errors: &mut Errors) -> Option<&'a str> {
        let name = path.rsplit('.').next().unwrap_or(path);
        let mut found = self.fields.extract_if(.., |(key, _)| key == name);
        let raw = found.next()?.1.get();
        if found.next().is_some() {
            found.for_each(drop);
            errors.add(path, "is given more than once".to_owned());
            return None;
        }
        (raw != "null").then_some(raw)
    }

    /// Reports what was not taken as one error of `path`, the object itself.
    pub(super) fn finish(self, path: &'static str, known: &str, errors: &mut Errors) {
        if self.fields.is_empty() {
            return;
        }
        let listed = self.fields.iter().take(UNKNOWN_FIELDS_LISTED_MAX);
        let names: Vec<String> = listed.map(|(name, _)| Shown::new(name.as_bytes()).to_string()).collect();
        let more = if self.fields.len() > names.len() { " and more" } else { "" };
        errors.add(path, format!("has no field {}{more}; the fields are {known}", names.join(", ")));
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(fields)
            }
        }
        deserializer.deserialize_map(Fields).map(|fields| Self { fields })
    }
}
