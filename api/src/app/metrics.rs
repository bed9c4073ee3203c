//! The service's own counters: requests, logins, connections; and how a registry is told to Prometheus.

use anyhow::Result;
use axum::http::{Method, header};
use axum::response::{IntoResponse, Response};
use prometheus::{
    Encoder, Histogram, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder,
};

const BUCKETS: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    latency: HistogramVec,
    pool: IntGaugeVec,
    pub hashing: Histogram,
}

/// A new counter by labels, registered.
pub fn counters(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> Result<IntCounterVec> {
    let vec = IntCounterVec::new(Opts::new(name, help), labels)?;
    registry.register(Box::new(vec.clone()))?;
    Ok(vec)
}

/// A new gauge by labels, registered.
pub fn gauges(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> Result<IntGaugeVec> {
    let vec = IntGaugeVec::new(Opts::new(name, help), labels)?;
    registry.register(Box::new(vec.clone()))?;
    Ok(vec)
}

/// A new gauge, registered.
pub fn gauge(registry: &Registry, name: &str, help: &str) -> Result<IntGauge> {
    let gauge = IntGauge::new(name, help)?;
    registry.register(Box::new(gauge.clone()))?;
    Ok(gauge)
}

impl Metrics {
    pub fn new() -> Result<Self> {
        let registry = Registry::new();
        let latency = HistogramVec::new(
            HistogramOpts::new("capconduit_http_request_seconds", "Time from request to answer")
                .buckets(BUCKETS.into()),
            &["method", "route"],
        )?;
        registry.register(Box::new(latency.clone()))?;
        let hashing = Histogram::with_opts(
            HistogramOpts::new("capconduit_login_seconds", "Time of a login, hashing included")
                .buckets(BUCKETS.into()),
        )?;
        registry.register(Box::new(hashing.clone()))?;
        Ok(Metrics {
            requests: counters(
                &registry,
                "capconduit_http_requests_total",
                "Requests answered",
                &["method", "route", "status"],
            )?,
            pool: gauges(
                &registry,
                "capconduit_pool_connections",
                "Database connections of this service",
                &["state"],
            )?,
            hashing,
            latency,
            registry,
        })
    }

    pub fn observe(&self, method: &Method, route: &str, status: u16, seconds: f64) {
        // Methods are free text on the wire: only the usual ones become labels.
        let known = [
            Method::GET,
            Method::HEAD,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
            Method::OPTIONS,
        ];
        let method = if known.contains(method) {
            method.as_str()
        } else {
            "other"
        };
        self.requests
            .with_label_values(&[method, route, &status.to_string()])
            .inc();
        self.latency.with_label_values(&[method, route]).observe(seconds);
    }

    /// How many connections the pool has, and how many requests wait for one.
    pub fn observe_pool(&self, status: &deadpool_postgres::Status) {
        let idle = i64::try_from(status.available).unwrap_or(0);
        let open = i64::try_from(status.size).unwrap_or(0);
        let waiting = i64::try_from(status.waiting).unwrap_or(0);
        for (state, value) in [("idle", idle), ("in_use", open - idle), ("awaited", waiting)] {
            self.pool.with_label_values(&[state]).set(value);
        }
    }

    /// For what else is told beside.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }
}

/// A registry as Prometheus reads it.
pub fn encode(registry: &Registry) -> Response {
    let mut text = Vec::new();
    if TextEncoder::new().encode(&registry.gather(), &mut text).is_err() {
        return axum::http::StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}
