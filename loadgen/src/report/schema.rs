//! The JSON Schema of reports, made of the report's own types, so that the two can't part.

use super::Report;
use schemars::generate::SchemaSettings;

/// The JSON Schema (draft 2020-12) of the reports that are written here.
#[must_use]
pub fn schema() -> serde_json::Value {
    SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator()
        .into_root_schema_for::<Report>()
        .to_value()
}
