//! Orders: asks the catalog for the price, reserves at the inventory, and takes the discount of the moment off.

use std::collections::VecDeque;
use std::process::ExitCode;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{Method, StatusCode};
use axum::routing::get;
use axum::{Json, Router};
use nines_sdk::{Client, ConfigHandle, Context, Service};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use shop::{Body, Refusal, signed, unknown};

/// Orders that are kept; the oldest go first.
const KEPT: usize = 10_000;

/// The configuration item `orders.discount`.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(try_from = "RawDiscount", deny_unknown_fields)]
struct Discount {
    percent: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawDiscount {
    percent: u64,
}

/// A content that makes no sense is refused, and the last good one stays in force.
impl TryFrom<RawDiscount> for Discount {
    type Error = String;

    fn try_from(raw: RawDiscount) -> Result<Self, String> {
        match raw.percent {
            percent @ 0..=100 => Ok(Self { percent }),
            percent => Err(format!("percent: {percent} is not in 0 to 100")),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewOrder {
    sku: String,
    quantity: u64,
}

#[derive(Debug, Clone, Serialize)]
struct Order {
    id: String,
    sku: String,
    quantity: u64,
    /// In cents, with the discount taken off.
    total: u64,
    discount: Discount,
}

#[derive(Debug, Deserialize)]
struct Product {
    price: u64,
}

#[derive(Debug, Serialize)]
struct Overview {
    instance: String,
    discount: Discount,
    orders: usize,
}

/// What the handlers share.
struct Orders {
    instance: String,
    kept: Mutex<VecDeque<Order>>,
    catalog: Client,
    inventory: Client,
    discount: ConfigHandle<Discount>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let service = Service::builder("orders").version("v1").routes(|context| {
        let routes = Router::new()
            .route("/orders", get(overview).post(place))
            .route("/orders/{id}", get(one))
            .with_state(Arc::new(Orders::new(context)));
        signed(routes, context)
    });
    service.run().await
}

async fn overview(State(orders): State<Arc<Orders>>) -> Json<Overview> {
    Json(Overview {
        instance: orders.instance.clone(),
        discount: *orders.discount.get(),
        orders: orders.kept.lock().len(),
    })
}

/// An order by its id. Orders live in the instance that took them.
async fn one(State(orders): State<Arc<Orders>>, Path(id): Path<String>) -> Result<Json<Order>, Refusal> {
    let kept = orders.kept.lock();
    kept.iter()
        .find(|order| order.id == id)
        .cloned()
        .map(Json)
        .ok_or_else(|| unknown("order", id))
}

async fn place(
    State(orders): State<Arc<Orders>>,
    Body(new): Body<NewOrder>,
) -> Result<(StatusCode, Json<Order>), Refusal> {
    if !(1..=1000).contains(&new.quantity) {
        return Err(Refusal(StatusCode::BAD_REQUEST, "a quantity is 1 to 1000".into()));
    }
    if !new.sku.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(unknown("product", new.sku));
    }
    Ok((StatusCode::CREATED, Json(orders.place(new).await?)))
}

impl Orders {
    fn new(context: &Context) -> Self {
        let discount = context.config("orders.discount", Discount { percent: 0 });
        Self {
            instance: context.instance().id.clone(),
            kept: Mutex::default(),
            catalog: context.client("catalog"),
            inventory: context.client("inventory"),
            discount: discount.expect("the name is a good one"),
        }
    }

    async fn place(&self, new: NewOrder) -> Result<Order, Refusal> {
        let product = self
            .catalog
            .get(format!("/catalog/{}", new.sku))
            .send()
            .await?
            .error_for_status()?;
        let product: Product = product.json()?;
        let id = uuid::Uuid::new_v4().simple().to_string();
        let reservation = serde_json::json!({"sku": new.sku, "quantity": new.quantity});
        let reserve = self
            .inventory
            .request(Method::PUT, format!("/inventory/reservations/{id}"));
        reserve.json(&reservation).send().await?.error_for_status()?;
        let discount = *self.discount.get();
        let order = Order {
            id,
            total: discounted(product.price * new.quantity, discount),
            sku: new.sku,
            quantity: new.quantity,
            discount,
        };
        self.keep(order.clone());
        Ok(order)
    }

    fn keep(&self, order: Order) {
        let mut kept = self.kept.lock();
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(order);
    }
}

fn discounted(total: u64, discount: Discount) -> u64 {
    total - total * discount.percent / 100
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_discount_is_taken_off() {
        for (percent, total) in [(0, 999), (10, 900), (100, 0)] {
            assert_eq!(discounted(999, Discount { percent }), total, "{percent}");
        }
    }

    #[test]
    fn a_discount_that_makes_no_sense_is_refused() {
        for (json, good) in [
            (r#"{"percent": 10}"#, true),
            (r#"{"percent": 101}"#, false),
            ("{}", false),
        ] {
            assert_eq!(serde_json::from_str::<Discount>(json).is_ok(), good, "{json}");
        }
    }
}
