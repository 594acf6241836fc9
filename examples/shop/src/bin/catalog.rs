//! What the shop sells, and for how much.

use std::process::ExitCode;

use axum::extract::Path;
use axum::routing::get;
use axum::{Json, Router};
use nines_sdk::Service;
use serde::Serialize;
use shop::{Refusal, signed, unknown};

#[derive(Debug, Clone, Copy, Serialize)]
struct Product {
    sku: &'static str,
    name: &'static str,
    /// In cents.
    price: u64,
}

const PRODUCTS: [Product; 4] = [
    Product {
        sku: "tea",
        name: "Green tea, 100 g",
        price: 690,
    },
    Product {
        sku: "cup",
        name: "Cup",
        price: 1250,
    },
    Product {
        sku: "pot",
        name: "Tea pot",
        price: 4900,
    },
    Product {
        sku: "tin",
        name: "Tin",
        price: 850,
    },
];

#[tokio::main]
async fn main() -> ExitCode {
    let service = Service::builder("catalog").routes(|context| {
        let routes = Router::new()
            .route("/catalog", get(all))
            .route("/catalog/{sku}", get(one));
        signed(routes, context)
    });
    service.run().await
}

async fn all() -> Json<[Product; 4]> {
    Json(PRODUCTS)
}

async fn one(Path(sku): Path<String>) -> Result<Json<Product>, Refusal> {
    let product = PRODUCTS.into_iter().find(|product| product.sku == sku);
    product.map(Json).ok_or_else(|| unknown("product", sku))
}
