//! How much work a JSON Schema makes of a content, counted before it is done.
//!
//! A few lines of schema can double the work with each of them (`allOf` of two references to the next, which does the
//! same), on the spot or with each level of the content, and a check that runs cannot be stopped. So it is played
//! through first: each value of the content has the schemas that are held against it, with how often, and schemas that
//! meet again are added up. What takes for ever to check takes a moment to count.

mod graph;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::Value;

use graph::{Graph, Place};

/// Schemas held against values, at most: some tenths of a second.
const MAX_STEPS: u64 = 10_000_000;

/// A value that is yet to be counted, and the schemas of the value around it.
struct Due<'a> {
    value: &'a Value,
    place: Place<'a>,
    around: Rc<[(usize, u64)]>,
}

/// Refuses a schema that would take too long to hold against the content, or that never ends.
pub(super) fn check(schema: &Value, content: &Value) -> Result<(), String> {
    let Some(graph) = Graph::of(schema)? else { return Ok(()) };
    let mut steps = 0;
    let mut due = Vec::new();
    count(
        &graph,
        content,
        BTreeMap::from([(graph.root(), 1)]),
        &mut steps,
        &mut due,
    )?;
    while let Some(Due { value, place, around }) = due.pop() {
        let mut schemas = BTreeMap::new();
        for (node, times) in around.iter() {
            // To find that a schema has nothing to say of a value is a step as well, and so is each pattern.
            step(&mut steps, times.saturating_mul(graph.tries(*node, place)))?;
            for deeper in graph.deeper(*node, place) {
                add(&mut schemas, deeper, *times);
            }
        }
        count(&graph, value, schemas, &mut steps, &mut due)?;
    }
    Ok(())
}

/// Counts what is held against one value, and leaves what is in it to be counted.
fn count<'a>(
    graph: &Graph<'_>,
    value: &'a Value,
    mut schemas: BTreeMap<usize, u64>,
    steps: &mut u64,
    due: &mut Vec<Due<'a>>,
) -> Result<(), String> {
    let mut descending = Vec::new();
    // A schema comes before all that it calls on the spot, so its number is whole when it is taken out.
    while let Some((node, times)) = schemas.pop_first() {
        step(steps, times.saturating_mul(graph.weight(node)))?;
        for (other, factor) in graph.here(node) {
            add(&mut schemas, *other, times.saturating_mul(*factor));
        }
        if graph.descends(node) {
            descending.push((node, times));
        }
    }
    if descending.is_empty() {
        return Ok(());
    }
    let around: Rc<[(usize, u64)]> = descending.into();
    let mut leave = |value, place| {
        let around = around.clone();
        due.push(Due { value, place, around });
    };
    match value {
        Value::Array(items) => items
            .iter()
            .enumerate()
            .for_each(|(index, item)| leave(item, Place::Index(index))),
        Value::Object(fields) => fields.iter().for_each(|(key, field)| {
            leave(field, Place::Key(key));
            leave(&Value::Null, Place::Name);
        }),
        _ => {}
    }
    Ok(())
}

fn add(schemas: &mut BTreeMap<usize, u64>, node: usize, times: u64) {
    let known = schemas.entry(node).or_insert(0);
    *known = known.saturating_add(times);
}

fn step(steps: &mut u64, more: u64) -> Result<(), String> {
    *steps = steps.saturating_add(more);
    if *steps <= MAX_STEPS {
        return Ok(());
    }
    Err(format!(
        "the schema takes more than {MAX_STEPS} steps to hold against this content; it repeats itself: let fewer of \
         its allOf, anyOf, oneOf and $ref lead to the same place"
    ))
}
