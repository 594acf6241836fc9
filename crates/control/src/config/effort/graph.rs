//! Which schema calls which: on the spot, against the same value, or for what is in the value.

use std::collections::HashMap;
use std::rc::Rc;

use serde_json::{Map, Value};

/// Schemas that call each other on the spot, at most: a check goes as deep into the stack.
const MAX_CHAIN: usize = 64;

const LISTS: [&str; 3] = ["allOf", "anyOf", "oneOf"];
const SINGLES: [&str; 4] = ["not", "if", "then", "else"];
const BY_FIELD: [&str; 2] = ["dependentSchemas", "dependencies"];
const REFERENCES: [&str; 3] = ["$ref", "$dynamicRef", "$recursiveRef"];
const ANCHORS: [&str; 2] = ["$anchor", "$dynamicAnchor"];
/// The first is of draft 6 and later, the second of draft 4.
const NAMES: [&str; 2] = ["$id", "id"];
const DEEPER: [&str; 10] = [
    "properties",
    "patternProperties",
    "additionalProperties",
    "unevaluatedProperties",
    "propertyNames",
    "items",
    "prefixItems",
    "additionalItems",
    "unevaluatedItems",
    "contains",
];

/// Where a value is in the value around it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place<'a> {
    Key(&'a str),
    /// The name of a field itself, which is a text.
    Name,
    Index(usize),
}

/// The schemas of a document. They have numbers, and those that one calls on the spot have greater ones.
#[derive(Debug)]
pub(super) struct Graph<'s> {
    index: Index<'s>,
    /// By number.
    nodes: Vec<Node>,
    /// From a place in the index to a number.
    numbers: HashMap<usize, usize>,
}

#[derive(Debug)]
struct Node {
    place: usize,
    /// Whom it calls on the spot, and how often.
    here: Vec<(usize, u64)>,
    descends: bool,
}

/// Every object of the document: which of them are schemas is known by who calls them.
#[derive(Debug, Default)]
struct Index<'s> {
    objects: Vec<Object<'s>>,
    places: HashMap<*const Value, usize>,
    anchors: HashMap<&'s str, Vec<usize>>,
    names: HashMap<&'s str, Vec<&'s Value>>,
}

#[derive(Debug)]
struct Object<'s> {
    fields: &'s Map<String, Value>,
    /// What a pointer may start from: the document, and what has a name around this object. Which of them is meant
    /// depends on the draft, so all of them are.
    bases: Rc<[&'s Value]>,
}

impl<'s> Graph<'s> {
    /// Nothing for a schema without any keyword.
    pub(super) fn of(schema: &'s Value) -> Result<Option<Self>, String> {
        let mut index = Index::default();
        index.add(schema, &[schema].into());
        let Some(root) = index.place(schema) else {
            return Ok(None);
        };
        let calls = index.reachable(root)?;
        let (order, longest) = sort(&calls);
        if order.len() < calls.len() {
            return Err("the schema refers to itself without going deeper into the content, so it never ends".into());
        }
        if longest > MAX_CHAIN {
            return Err(format!(
                "the schema has {longest} references, allOf, anyOf and the like one within the other, more than {MAX_CHAIN}"
            ));
        }
        let numbers: HashMap<usize, usize> = order
            .iter()
            .enumerate()
            .map(|(number, place)| (*place, number))
            .collect();
        let node = |place: &usize| Node {
            place: *place,
            here: calls[place]
                .iter()
                .map(|(other, factor)| (numbers[other], *factor))
                .collect(),
            descends: DEEPER
                .iter()
                .any(|keyword| index.objects[*place].fields.contains_key(*keyword)),
        };
        let nodes = order.iter().map(node).collect();
        Ok(Some(Self { index, nodes, numbers }))
    }

    pub(super) fn root(&self) -> usize {
        self.numbers[&0]
    }

    pub(super) fn here(&self, node: usize) -> &[(usize, u64)] {
        &self.nodes[node].here
    }

    pub(super) fn descends(&self, node: usize) -> bool {
        self.nodes[node].descends
    }

    /// Steps that the schema itself takes: a value is compared with each of an `enum`.
    pub(super) fn weight(&self, node: usize) -> u64 {
        let fields = self.index.objects[self.nodes[node].place].fields;
        let length = |keyword| fields.get(keyword).and_then(Value::as_array).map_or(0, Vec::len);
        1 + (length("enum") + length("required")) as u64
    }

    /// Steps to find them: a key is compared with each pattern.
    pub(super) fn tries(&self, node: usize, place: Place<'_>) -> u64 {
        let fields = self.index.objects[self.nodes[node].place].fields;
        let patterns = match place {
            Place::Key(_) => fields.get("patternProperties").and_then(Value::as_object),
            Place::Name | Place::Index(_) => None,
        };
        1 + patterns.map_or(0, Map::len) as u64
    }

    /// The schemas that a schema holds against what is at a place in its value. A pattern counts as one that fits.
    pub(super) fn deeper(&self, node: usize, place: Place<'_>) -> impl Iterator<Item = usize> {
        let fields = self.index.objects[self.nodes[node].place].fields;
        let mut found = Vec::new();
        let mut take = |keyword| found.extend(fields.get(keyword));
        match place {
            Place::Name => take("propertyNames"),
            Place::Key(key) => match fields.get("properties").and_then(|properties| properties.get(key)) {
                Some(property) => found.push(property),
                None => ["additionalProperties", "unevaluatedProperties"]
                    .into_iter()
                    .for_each(take),
            },
            Place::Index(_) => ["items", "additionalItems", "unevaluatedItems", "contains"]
                .into_iter()
                .for_each(take),
        }
        match place {
            Place::Key(_) => found.extend(members(fields.get("patternProperties"))),
            Place::Index(index) => {
                let of_place = |keyword| fields.get(keyword).and_then(|list: &Value| list.get(index));
                found.extend(of_place("prefixItems"));
                found.extend(of_place("items"));
            }
            Place::Name => {}
        }
        let places = found.into_iter().filter_map(|schema| self.index.place(schema));
        places.map(|place| self.numbers[&place])
    }
}

impl<'s> Index<'s> {
    fn add(&mut self, value: &'s Value, bases: &Rc<[&'s Value]>) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| self.add(item, bases)),
            Value::Object(fields) => {
                let place = self.objects.len();
                let mut bases = bases.clone();
                for name in NAMES.iter().filter_map(|keyword| fields.get(*keyword)?.as_str()) {
                    self.names.entry(last_segment(name)).or_default().push(value);
                    bases = bases.iter().copied().chain([value]).collect();
                }
                for anchor in ANCHORS.iter().filter_map(|keyword| fields.get(*keyword)?.as_str()) {
                    self.anchors.entry(anchor).or_default().push(place);
                }
                self.places.insert(std::ptr::from_ref(value), place);
                self.objects.push(Object {
                    fields,
                    bases: bases.clone(),
                });
                fields.values().for_each(|field| self.add(field, &bases));
            }
            _ => {}
        }
    }

    /// Nothing for what is no object: `true` and `false` take no time.
    fn place(&self, value: &Value) -> Option<usize> {
        self.places.get(&std::ptr::from_ref(value)).copied()
    }

    /// Everything that can be called from `root`, with whom it calls on the spot.
    fn reachable(&self, root: usize) -> Result<HashMap<usize, Vec<(usize, u64)>>, String> {
        let mut calls = HashMap::new();
        let mut due = vec![root];
        while let Some(place) = due.pop() {
            if calls.contains_key(&place) {
                continue;
            }
            let here = self.here(place)?;
            due.extend(here.iter().map(|(other, _)| *other));
            due.extend(self.below(place));
            calls.insert(place, here);
        }
        Ok(calls)
    }

    fn here(&self, place: usize) -> Result<Vec<(usize, u64)>, String> {
        let fields = self.objects[place].fields;
        // To know what is left over, a schema asks those that it calls a second time.
        let asks_again = ["unevaluatedProperties", "unevaluatedItems"]
            .iter()
            .any(|keyword| fields.contains_key(*keyword));
        let factor = if asks_again { 2 } else { 1 };
        let several = LISTS
            .iter()
            .chain(&BY_FIELD)
            .flat_map(|keyword| members(fields.get(*keyword)));
        let single = SINGLES.iter().filter_map(|keyword| fields.get(*keyword));
        let mut here: Vec<_> = several.chain(single).filter_map(|schema| self.place(schema)).collect();
        for reference in REFERENCES.iter().filter_map(|keyword| fields.get(*keyword)?.as_str()) {
            here.extend(self.resolve(place, reference)?);
        }
        Ok(here.into_iter().map(|place| (place, factor)).collect())
    }

    fn below(&self, place: usize) -> impl Iterator<Item = usize> {
        let fields = self.objects[place].fields;
        let values = DEEPER.iter().filter_map(|keyword| fields.get(*keyword));
        // Some keywords have one schema, others several; what is no schema is called by nobody.
        let schemas = values.flat_map(|value| members(Some(value)).chain([value]));
        schemas.filter_map(|schema| self.place(schema))
    }

    /// All that a reference may mean. The schemas of JSON Schema itself are not in the document and do not multiply.
    fn resolve(&self, place: usize, reference: &str) -> Result<Vec<usize>, String> {
        let (name, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        let fragment = decode(fragment);
        let bases = if name.is_empty() {
            &self.objects[place].bases
        } else {
            self.names.get(last_segment(name)).map_or(&[][..], Vec::as_slice)
        };
        if !fragment.is_empty() && !fragment.starts_with('/') {
            let anchored = self.anchors.get(fragment.as_str()).cloned();
            return anchored.ok_or_else(|| nowhere(reference));
        }
        let mut targets = bases.iter().filter_map(|base| base.pointer(&fragment)).peekable();
        if targets.peek().is_none() && !name.contains("//json-schema.org/") {
            return Err(nowhere(reference));
        }
        Ok(targets.filter_map(|target| self.place(target)).collect())
    }
}

/// Callers before those whom they call, as far as there is such an order, and the longest chain of calls.
fn sort(calls: &HashMap<usize, Vec<(usize, u64)>>) -> (Vec<usize>, usize) {
    let mut callers: HashMap<usize, usize> = calls.keys().map(|place| (*place, 0)).collect();
    for (other, _) in calls.values().flatten() {
        *callers.entry(*other).or_default() += 1;
    }
    let mut order: Vec<usize> = calls.keys().copied().filter(|place| callers[place] == 0).collect();
    let mut depths: HashMap<usize, usize> = HashMap::new();
    let mut next = 0;
    while let Some(place) = order.get(next).copied() {
        next += 1;
        let depth = depths.get(&place).copied().unwrap_or_default() + 1;
        for (other, _) in &calls[&place] {
            let known = depths.entry(*other).or_default();
            *known = depth.max(*known);
            if let Some(left) = callers.get_mut(other) {
                *left -= 1;
                if *left == 0 {
                    order.push(*other);
                }
            }
        }
    }
    (order, depths.values().max().map_or(1, |longest| longest + 1))
}

/// The members of a list or an object.
fn members(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    let items = value.and_then(Value::as_array).into_iter().flatten();
    let fields = value.and_then(Value::as_object).into_iter().flat_map(Map::values);
    items.chain(fields)
}

/// What tells names apart whatever they are relative to.
fn last_segment(name: &str) -> &str {
    let name = name.split('#').next().unwrap_or(name);
    name.rsplit('/').next().unwrap_or(name)
}

/// RFC 3986 section 2.1.
fn decode(fragment: &str) -> String {
    let mut bytes = Vec::with_capacity(fragment.len());
    let mut rest = fragment.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match hex
            .and_then(|hex| u8::from_str_radix(hex, 16).ok())
            .filter(|_| *first == b'%')
        {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn nowhere(reference: &str) -> String {
    format!("the schema refers to `{reference}`, which it does not have; other documents are not followed")
}
