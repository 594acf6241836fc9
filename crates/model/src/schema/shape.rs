//! Brings a generated schema into the form that gives the clearest messages.

use serde_json::{Map, Value, json};

/// Takes `null` out of types (a field that may be absent may not be written empty), turns a choice of constants into
/// an `enum`, and bounds integers by their Rust type.
pub(crate) fn simplify(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(simplify),
        Value::Object(object) => {
            object.values_mut().for_each(simplify);
            drop_null(object);
            join_constants(object);
            bound_integers(object);
        }
        _ => {}
    }
}

fn drop_null(object: &mut Map<String, Value>) {
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            object.insert("type".into(), only);
        }
    }
    if let Some(Value::Array(options)) = object.get_mut("enum") {
        options.retain(|option| !option.is_null());
    }
    if let Some(Value::Array(choices)) = object.get_mut("anyOf") {
        choices.retain(|choice| choice.get("type") != Some(&json!("null")));
        if let [Value::Object(only)] = choices.as_slice() {
            let only = only.clone();
            object.remove("anyOf");
            object.extend(only);
        }
    }
}

fn join_constants(object: &mut Map<String, Value>) {
    let Some(Value::Array(choices)) = object.get("oneOf") else {
        return;
    };
    let constants: Option<Vec<Value>> = choices
        .iter()
        .map(constants)
        .collect::<Option<Vec<_>>>()
        .map(|v| v.concat());
    if let Some(constants) = constants {
        object.remove("oneOf");
        object.insert("type".into(), json!("string"));
        object.insert("enum".into(), Value::Array(constants));
    }
}

fn constants(choice: &Value) -> Option<Vec<Value>> {
    match (choice.get("const"), choice.get("enum")) {
        (Some(constant), None) => constant.is_string().then(|| vec![constant.clone()]),
        (None, Some(Value::Array(options))) => options.iter().all(Value::is_string).then(|| options.clone()),
        _ => None,
    }
}

fn bound_integers(object: &mut Map<String, Value>) {
    let maximum = match object.get("format").and_then(Value::as_str) {
        Some("uint32") => u64::from(u32::MAX),
        Some("int32") => i32::MAX as u64,
        Some("uint64" | "uint") => u64::MAX,
        _ => return,
    };
    object.entry("maximum").or_insert_with(|| maximum.into());
}
