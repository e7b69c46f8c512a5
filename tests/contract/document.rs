//! The OpenAPI document, made from the functions' tables and types; and that repository and template have the same routes.

use crate::asked::{Asked, all};
use crate::page;
use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};
use shared::api::Level;
use shared::api::operation::Takes;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The generators of what is sent, each in one piece, and of what is answered, by name.
struct Shapes {
    sent: SchemaGenerator,
    answered: SchemaGenerator,
}

/// The whole document.
pub(crate) fn document() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.meta_schema = None;
        settings.definitions_path = "/components/schemas".into();
    });
    let sent = settings.clone().for_deserialize().with(|settings| settings.inline_subschemas = true);
    let answered = settings.for_serialize().with_transform(RecursiveTransform(|schema: &mut Schema| {
        // What stands for a member that was not stored is nothing for those who read answers.
        schema.remove("default");
    }));
    let mut shapes = Shapes { sent: sent.into_generator(), answered: answered.into_generator() };
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for asked in all() {
        let path = paths.entry(asked.path).or_default();
        path.insert(asked.method.to_lowercase(), operation(&asked, &mut shapes));
        if asked.path.contains("{id}") {
            let id = json!({"name": "id", "in": "path", "required": true, "schema": {"type": "string"},
                "description": "The id of a calculated field."});
            path.insert("parameters".to_owned(), json!([id]));
        }
    }
    let mut schemas = shapes.answered.take_definitions(true);
    schemas.insert("Problem".to_owned(), problem());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Product usage from Pendo in customer success",
            "version": "1",
            "description": "Connect a Pendo subscription, say how its people match yours, define calculated fields, read values. \
                Made from the code; docs/api.md is the same for people.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "http://127.0.0.1:8787", "description": "The local command. Deployed, the stack's output ApiUrl."}],
        "security": [{"token": []}],
        "tags": [{"name": "authenticate"}, {"name": "mapping-config"}],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": page::TOKENS}},
            "schemas": schemas,
            "parameters": {
                "IdempotencyKey": {"name": "Idempotency-Key", "in": "header", "schema": {"type": "string", "minLength": 1,
                    "maxLength": 255, "pattern": "^[!-~]([ -~]*[!-~])?$"}, "description": page::IDEMPOTENCY},
                "IfMatch": {"name": "If-Match", "in": "header", "schema": {"type": "string"}, "description": page::IF_MATCH},
            },
            "headers": {
                "RequestId": {"schema": {"type": "string"}, "description": "Leads to the request's line in the log."},
                "ETag": {"schema": {"type": "string"}, "description": "What stands; to be sent as If-Match."},
                "NextCursor": {"schema": {"type": "string"}, "description": "The cursor of the next page of a table; absent on the last."},
            },
            "responses": {
                "Problem": {"description": "Refused, or failed: nothing was changed unless the detail says so.",
                    "headers": {"x-request-id": {"$ref": "#/components/headers/RequestId"}},
                    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}},
                "Gateway": {"description": "The gateway's own refusal: no token, or none that is good; 404 for a path that is none; 413; 429.",
                    "content": {"application/json": {"schema": {"type": "object", "properties": {"message": {"type": "string"}}}}}},
            },
        },
    })
}

fn problem() -> Value {
    json!({"type": "object", "required": ["type", "title", "status", "detail", "request_id"], "description": "RFC 9457.", "properties": {
        "type": {"type": "string", "description": "A stable name, such as /problems/unknown-region."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What is wrong here and what to do."},
        "pointer": {"type": "string", "description": "Where: a JSON pointer into the body, or ?name for a part of the query."},
        "request_id": {"type": "string"}}})
}

fn operation(asked: &Asked, shapes: &mut Shapes) -> Value {
    let mut parameters: Vec<Value> = asked.query.iter().map(|parameter| {
        let mut shown = json!({"name": parameter.name, "in": "query", "description": parameter.about, "required": parameter.is_required,
            "schema": taken(&parameter.takes)});
        if !parameter.example.is_empty() {
            let number = parameter.example.parse::<u64>().ok().filter(|_| matches!(parameter.takes, Takes::UpTo(_)));
            shown["example"] = number.map_or(json!(parameter.example), Value::from);
        }
        shown
    }).collect();
    for (is_taken, name) in [(asked.is_creating, "IdempotencyKey"), (asked.takes_if_match, "IfMatch")] {
        if is_taken {
            parameters.push(json!({"$ref": format!("#/components/parameters/{name}")}));
        }
    }
    let level = match asked.level {
        Level::High => "For the access level `high`.",
        Level::Any => "For any access level of the workspace.",
    };
    let mut shown = json!({
        "operationId": asked.id,
        "tags": [asked.function],
        "summary": asked.summary,
        "description": level,
        "parameters": parameters,
        "responses": responses(asked, shapes),
    });
    if let Some(body) = asked.body {
        let (shape, example) = match body.shape {
            Some(shape) => (shape(&mut shapes.sent).to_value(), serde_json::from_str(body.example).unwrap()),
            None => (json!({"type": "string"}), json!(body.example)),
        };
        let content: Map<String, Value> = body
            .types
            .iter()
            .enumerate()
            .map(|(at, name)| {
                let content =
                    if at == 0 { json!({"schema": shape, "example": example}) } else { json!({"schema": shape}) };
                ((*name).to_owned(), content)
            })
            .collect();
        let most = format!("At most {} KB.", asked.bytes_max() / 1024);
        shown["requestBody"] = json!({"required": true, "content": content, "description": most});
    }
    shown
}

fn responses(asked: &Asked, shapes: &mut Shapes) -> Value {
    let mut responses = Map::new();
    for (status, shape) in asked.replies {
        let response = responses.entry(status.to_string()).or_insert_with(|| {
            let mut headers = json!({"x-request-id": {"$ref": "#/components/headers/RequestId"}});
            if asked.answers_etag {
                headers["etag"] = json!({"$ref": "#/components/headers/ETag"});
            }
            json!({"description": "Done.", "headers": headers})
        });
        match shape {
            Some(shape) => response["content"]["application/json"] = json!({"schema": shape(&mut shapes.answered)}),
            None if *status == 204 => {}
            None => {
                response["headers"]["x-next-cursor"] = json!({"$ref": "#/components/headers/NextCursor"});
                response["content"]["text/csv"] = json!({"schema": {"type": "string"}});
            }
        }
    }
    responses.insert("401".to_owned(), json!({"$ref": "#/components/responses/Gateway"}));
    responses.insert("default".to_owned(), json!({"$ref": "#/components/responses/Problem"}));
    Value::Object(responses)
}

fn taken(takes: &Takes) -> Value {
    match takes {
        Takes::Text => json!({"type": "string"}),
        Takes::OneOf(names) => json!({"type": "string", "enum": names}),
        Takes::UpTo(most) => json!({"type": "integer", "minimum": 1, "maximum": most}),
        Takes::Cursor => json!({"type": "string", "format": "cursor"}),
    }
}

/// Compares a file with what the code makes of it, or writes it.
fn is_kept(name: &str, made: &str) {
    let path = root().join("docs").join(name);
    if std::env::vars().any(|(name, _)| name == "UPDATE") {
        std::fs::write(&path, made).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == made,
        "docs/{name} is not what the code makes: UPDATE=1 cargo test -p tests --test contract document"
    );
}

#[test]
fn the_document_and_the_page_in_the_repository_are_those_that_the_code_makes() {
    is_kept("openapi.json", &format!("{:#}\n", document()));
    is_kept("api.md", &page::page());
}

#[test]
fn every_operation_of_the_document_has_a_name_of_its_own_and_every_reference_leads_somewhere() {
    let document = document();
    let ids: BTreeSet<&str> = all().iter().map(|asked| asked.id).collect();
    assert_eq!(ids.len(), all().len());
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(document.pointer(reference).is_some(), "{reference} leads nowhere");
    }
    assert!(!text.contains("#/$defs"), "every shape stands among the components");
}

/// Calls `look` with each schema inside one, and where it stands.
fn each(schema: &Value, place: &str, look: &mut impl FnMut(&str, &Value)) {
    look(place, schema);
    for (name, inner) in schema.as_object().into_iter().flatten() {
        match (name.as_str(), inner) {
            ("properties", Value::Object(members)) => {
                members.iter().for_each(|(member, inner)| each(inner, &format!("{place}/{member}"), look));
            }
            ("items" | "additionalProperties", inner) => each(inner, &format!("{place}/{name}"), look),
            ("oneOf" | "anyOf", Value::Array(ways)) => ways.iter().for_each(|way| each(way, place, look)),
            _ => {}
        }
    }
}

#[test]
fn every_answer_names_its_members() {
    let document = document();
    let mut open = Vec::new();
    let mut look = |place: &str, schema: &Value| {
        let says = |names: &[&str]| names.iter().any(|name| schema.get(name).is_some());
        let is_object = schema["type"] == "object"
            || schema["type"].as_array().is_some_and(|types| types.contains(&json!("object")));
        let is_open = *schema == json!(true)
            || schema.is_object() && !says(&["type", "$ref", "const", "enum", "oneOf", "anyOf", "allOf"])
            || is_object && !says(&["properties"]) && !schema["additionalProperties"].is_object();
        if is_open {
            open.push(place.to_owned());
        }
    };
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        each(schema, name, &mut look);
    }
    for asked in all() {
        let answers = &document["paths"][asked.path][asked.method.to_lowercase()]["responses"];
        for content in
            answers.as_object().unwrap().values().filter_map(|answer| answer["content"].as_object()).flatten()
        {
            each(&content.1["schema"], asked.id, &mut look);
        }
    }
    // The trail keeps what stood, whatever that was; a question to Pendo is in Pendo's language; a signal's rule, and what it has of an
    // object, is by its kind.
    let known = [
        "Change/after",
        "Change/after/additionalProperties",
        "Change/before",
        "Change/before/additionalProperties",
        "Reproduction/body",
        "ShownObject/state",
        "ShownObject/state/additionalProperties",
        "Signal/rule",
        "Signal/rule/additionalProperties",
        "Tried/rule",
        "Tried/rule/additionalProperties",
    ];
    assert_eq!(open, known, "{open:#?}");
}

#[test]
fn the_fields_that_the_docs_show_can_be_saved() {
    let page = std::fs::read_to_string(root().join("docs/fields.md")).unwrap();
    let blocks = page.split("```json\n").skip(1).filter_map(|block| block.split("```").next());
    let lists = blocks.filter_map(|block| serde_json::from_str::<Vec<Value>>(block).ok());
    let fields: Vec<Value> = lists.flatten().collect();
    assert!(fields.len() >= 7, "{fields:?}");
    for field in fields {
        let parsed = shared::fields::Definition::parse(&field);
        assert!(parsed.is_ok(), "{field}: {parsed:?}");
    }
}

#[test]
fn the_template_has_the_routes_of_the_document_and_no_other() {
    let template = std::fs::read_to_string(root().join("infra/template.yaml")).unwrap();
    let mut routes = BTreeSet::new();
    for route in template.split("RouteKey: ANY ").skip(1) {
        let path = route.lines().next().unwrap().trim();
        let target = route.split("integrations/${").nth(1).unwrap().split('}').next().unwrap();
        let function = match target {
            "AuthenticateIntegration" => "authenticate",
            "MappingConfigIntegration" => "mapping-config",
            other => panic!("{other}"),
        };
        assert!(route.split("RouteKey").next().unwrap().contains("AuthorizationType: JWT"), "{path} asks for a token");
        assert!(routes.insert((function, path.to_owned())), "{path} stands twice");
    }
    let asked: BTreeSet<(&str, String)> = all().iter().map(|asked| (asked.function, asked.path.to_owned())).collect();
    assert_eq!(routes, asked);
    let made = document();
    let paths: BTreeSet<&str> = made["paths"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(paths, routes.iter().map(|(_, path)| path.as_str()).collect::<BTreeSet<_>>());
    assert_eq!(template.matches("AWS::ApiGatewayV2::Route\n").count(), routes.len());
    for (routes, burst, rate) in [
        ("DefaultRouteSettings", page::BURST, page::RATE),
        ("ANY /v1/connection", page::CONNECTION_BURST, page::CONNECTION_RATE),
    ] {
        let rate = format!("  {routes}: {{ ThrottlingBurstLimit: {burst}, ThrottlingRateLimit: {rate} }}");
        assert!(template.contains(&rate), "the page says another rate of {routes}");
    }
}
