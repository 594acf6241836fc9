//! How much of everything is there. A reservation has the order's id, so that the same order reserves only once.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::process::ExitCode;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, put};
use axum::{Json, Router};
use nines_sdk::Service;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use shop::{Body, Refusal, signed, unknown};

/// What each product starts with.
const STOCK: u64 = 1_000_000;
/// Reservations that are remembered; the oldest are forgotten first.
const REMEMBERED: usize = 100_000;

#[derive(Debug)]
struct Warehouse {
    stock: BTreeMap<&'static str, u64>,
    reserved: HashMap<String, Reservation>,
    order: VecDeque<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Reservation {
    sku: String,
    quantity: u64,
}

#[derive(Debug, Serialize)]
struct Stock {
    sku: String,
    available: u64,
}

type Shared = Arc<Mutex<Warehouse>>;

#[tokio::main]
async fn main() -> ExitCode {
    let service = Service::builder("inventory").routes(|context| {
        let routes = Router::new()
            .route("/inventory/{sku}", get(available))
            .route("/inventory/reservations/{order}", put(reserve))
            .with_state(Arc::new(Mutex::new(Warehouse::full())));
        signed(routes, context)
    });
    service.run().await
}

async fn available(State(warehouse): State<Shared>, Path(sku): Path<String>) -> Result<Json<Stock>, Refusal> {
    let available = warehouse.lock().stock.get(sku.as_str()).copied();
    match available {
        Some(available) => Ok(Json(Stock { sku, available })),
        None => Err(unknown("product", sku)),
    }
}

async fn reserve(
    State(warehouse): State<Shared>,
    Path(order): Path<String>,
    Body(wanted): Body<Reservation>,
) -> Result<Json<Reservation>, Refusal> {
    warehouse.lock().reserve(order, wanted).map(Json)
}

impl Warehouse {
    fn full() -> Self {
        Self {
            stock: ["tea", "cup", "pot", "tin"]
                .into_iter()
                .map(|sku| (sku, STOCK))
                .collect(),
            reserved: HashMap::new(),
            order: VecDeque::new(),
        }
    }

    /// The same order twice is one reservation: a repeated request does no harm.
    fn reserve(&mut self, order: String, wanted: Reservation) -> Result<Reservation, Refusal> {
        if let Some(known) = self.reserved.get(&order) {
            return if *known == wanted {
                Ok(wanted)
            } else {
                Err(Refusal(
                    StatusCode::CONFLICT,
                    format!("order {order} has reserved something else"),
                ))
            };
        }
        let left = self
            .stock
            .get_mut(wanted.sku.as_str())
            .ok_or_else(|| unknown("product", &wanted.sku))?;
        *left = left.checked_sub(wanted.quantity).ok_or_else(|| {
            Refusal(
                StatusCode::CONFLICT,
                format!("{} of {} are not there", wanted.quantity, wanted.sku),
            )
        })?;
        self.remember(order, wanted.clone());
        Ok(wanted)
    }

    fn remember(&mut self, order: String, wanted: Reservation) {
        if self.order.len() == REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.reserved.remove(&oldest);
        }
        self.order.push_back(order.clone());
        self.reserved.insert(order, wanted);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_reserves_once() {
        let mut warehouse = Warehouse::full();
        let tea = |quantity| Reservation {
            sku: "tea".into(),
            quantity,
        };
        for (order, wanted, left) in [
            ("1", tea(10), Ok(STOCK - 10)),
            ("1", tea(10), Ok(STOCK - 10)),
            ("1", tea(11), Err(409)),
            ("2", tea(STOCK), Err(409)),
            (
                "3",
                Reservation {
                    sku: "gold".into(),
                    quantity: 1,
                },
                Err(404),
            ),
        ] {
            let outcome = warehouse
                .reserve(order.into(), wanted)
                .map_err(|refusal| refusal.0.as_u16());
            assert_eq!(outcome.map(|_| warehouse.stock["tea"]), left, "order {order}");
        }
    }
}
