//! Pages: `page` and `per_page` in, `{items, page, perPage, total, pages}` out.

use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::params::Params;

const MAX_PER_PAGE: i64 = 500;
pub const DEFAULT_PER_PAGE: i64 = 20;

#[derive(Debug, Clone, Copy)]
pub struct PageRequest {
    pub page: i64,
    pub per_page: i64,
}

/// The query parameters, for the API description; reading them is `PageRequest::read`.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(
    dead_code,
    reason = "describes parameters that are read leniently, not by a deserializer"
)]
pub struct PageParams {
    /// Which page, from 1. Not an integer or below 1: 1.
    #[param(example = "1")]
    page: Option<String>,
    /// Items on a page, at most 500.
    #[param(example = "20")]
    per_page: Option<String>,
}

impl PageRequest {
    pub fn read(params: &Params, default_per_page: i64) -> Self {
        let positive = |key| {
            params
                .raw(key)
                .and_then(|text| text.trim().parse::<i64>().ok())
                .filter(|n| *n >= 1)
        };
        let per_page = positive("per_page").unwrap_or(default_per_page).min(MAX_PER_PAGE);
        PageRequest {
            // Far beyond any data, and still a valid OFFSET.
            page: positive("page").unwrap_or(1).min(i64::from(i32::MAX)),
            per_page,
        }
    }

    pub fn offset(&self) -> i64 {
        (self.page - 1) * self.per_page
    }
}

/// How many pages so many items make; none make none.
pub fn pages(total: i64, per_page: i64) -> i64 {
    (total + per_page - 1) / per_page
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    pub items: Vec<T>,
    #[schema(example = 1)]
    pub page: i64,
    #[schema(example = 20)]
    pub per_page: i64,
    #[schema(example = 1)]
    pub total: i64,
    #[schema(example = 1)]
    pub pages: i64,
}
