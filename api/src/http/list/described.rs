//! How a list stands in the API description: its filters, and `sort` with its values.

use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::Type;
use utoipa::openapi::{ObjectBuilder, Required};
use utoipa::{IntoParams, openapi};

use super::declared::{Kind, List};
use crate::http::period::DaysParams;

fn schema(kind: &Kind) -> ObjectBuilder {
    match *kind {
        Kind::Id => ObjectBuilder::new()
            .schema_type(Type::Integer)
            .format(Some(openapi::SchemaFormat::KnownFormat(
                openapi::KnownFormat::Int64,
            )))
            .minimum(Some(1)),
        Kind::Flag => ObjectBuilder::new().schema_type(Type::Boolean),
        Kind::Choice(choices) => choice(choices.iter().map(|text| (*text).to_owned())),
        _ => ObjectBuilder::new().schema_type(Type::String),
    }
}

fn choice(choices: impl Iterator<Item = String>) -> ObjectBuilder {
    let choices: Vec<String> = choices.collect();
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(choices))
}

fn parameter(name: &str, text: &str, schema: ObjectBuilder) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Query)
        .required(Required::False)
        .description(Some(text))
        .schema(Some(schema))
        .build()
}

/// The parameters of its filters.
pub fn filters(list: &List) -> Vec<Parameter> {
    let mut all: Vec<Parameter> = list
        .filters()
        .map(|filter| parameter(filter.name, filter.text, schema(&filter.kind)))
        .collect();
    if list.days.is_some() {
        all.extend(DaysParams::into_params(|| Some(ParameterIn::Query)));
    }
    all
}

/// Those and `sort`.
pub fn all(list: &List) -> Vec<Parameter> {
    let sorts = choice(list.sorts().map(|(name, ..)| name));
    let text = format!("The order; - is downwards. Default: {}.", list.default);
    let mut all = filters(list);
    all.push(parameter("sort", &text, sorts));
    all
}
