//! One call as a row of a table, and the operation of the OpenAPI document that is made of it.
use std::collections::BTreeMap;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, OperationBuilder, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, OneOfBuilder, Type};
use utoipa::openapi::{
    Content, HttpMethod, Ref, RefOr, Required, ResponseBuilder, Schema, SecurityRequirement,
};

/// JSON.
pub(super) const JSON: &str = "application/json";
/// A problem (RFC 9457).
pub(super) const PROBLEM: &str = "application/problem+json";
/// A form.
pub(super) const FORM: &str = "application/x-www-form-urlencoded";
/// Text.
pub(super) const PLAIN: &str = "text/plain";

/// A call.
pub(super) struct Call {
    pub(super) method: Method,
    /// Its path with the shipped configuration; of the session API's calls what follows the prefix.
    pub(super) path: &'static str,
    /// The id of the operation.
    pub(super) id: &'static str,
    pub(super) tag: &'static str,
    /// What it does, in a sentence.
    pub(super) summary: &'static str,
    /// What else is to be known; empty: nothing.
    pub(super) about: &'static str,
    /// The proofs that it takes, each the names of what is sent together; one that is empty: nothing need be sent.
    pub(super) proofs: &'static [&'static [&'static str]],
    pub(super) parameters: &'static [Parameter],
    pub(super) body: Option<Asked>,
    /// Groups of answers; what several say of one status is put together.
    pub(super) answers: &'static [&'static [Answer]],
}

/// The methods that there are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Method {
    Get,
    Post,
    Put,
}

/// A part of the request beside its body.
pub(super) struct Parameter {
    pub(super) name: &'static str,
    pub(super) place: Place,
    pub(super) required: bool,
    pub(super) about: &'static str,
}

/// Where a parameter stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    Path,
    Query,
}

/// The body of a request.
pub(super) struct Asked {
    pub(super) media: &'static str,
    /// The name of the object.
    pub(super) object: &'static str,
    pub(super) required: bool,
}

/// One answer.
pub(super) struct Answer {
    pub(super) status: u16,
    /// When it comes.
    pub(super) when: &'static str,
    pub(super) body: Option<(&'static str, Shape)>,
    pub(super) headers: &'static [&'static str],
}

/// What a body is.
#[derive(Clone, Copy)]
pub(super) enum Shape {
    /// The object of this name.
    Object(&'static str),
    /// A list of it.
    List(&'static str),
    /// One or the other.
    Either(&'static str, &'static str),
    Text,
    Truth,
}

impl Method {
    pub(super) fn in_document(self) -> HttpMethod {
        match self {
            Self::Get => HttpMethod::Get,
            Self::Post => HttpMethod::Post,
            Self::Put => HttpMethod::Put,
        }
    }
}

impl Call {
    /// The operation of the document.
    pub(super) fn operation(&self) -> Operation {
        let mut operation = OperationBuilder::new()
            .operation_id(Some(self.id))
            .tag(self.tag)
            .summary(Some(self.summary))
            .description(Some(self.about).filter(|about| !about.is_empty()));
        let proofs = self.proofs.iter().map(|together| {
            let none = SecurityRequirement::default();
            together.iter().fold(none, |all, name| all.add::<_, [String; 0], String>(*name, []))
        });
        operation = operation.securities(Some(proofs));
        for parameter in self.parameters {
            operation = operation.parameter(
                ParameterBuilder::new()
                    .name(parameter.name)
                    .parameter_in(match parameter.place {
                        Place::Path => ParameterIn::Path,
                        Place::Query => ParameterIn::Query,
                    })
                    .required(wanted(parameter.required))
                    .description(Some(parameter.about))
                    .schema(Some(Shape::Text.schema())),
            );
        }
        let body = self.body.as_ref().map(|body| {
            let content = Content::new(Some(Shape::Object(body.object).schema()));
            RequestBodyBuilder::new()
                .content(body.media, content)
                .required(Some(wanted(body.required)))
                .build()
        });
        operation = operation.request_body(body);
        let mut by_status: BTreeMap<u16, Vec<&Answer>> = BTreeMap::new();
        for answer in self.answers.iter().copied().flatten() {
            by_status.entry(answer.status).or_default().push(answer);
        }
        for (status, answers) in by_status {
            operation = operation.response(status.to_string(), together(&answers));
        }
        operation.build()
    }
}

/// What several say of one status.
fn together(answers: &[&Answer]) -> ResponseBuilder {
    let when: Vec<&str> = answers.iter().map(|answer| answer.when).collect();
    let mut response = ResponseBuilder::new().description(when.join(" "));
    for answer in answers {
        if let Some((media, shape)) = answer.body {
            response = response.content(media, Content::new(Some(shape.schema())));
        }
        for name in answer.headers {
            let header = HeaderBuilder::new().schema(Some(Shape::Text.schema()));
            response = response.header(*name, header.build());
        }
    }
    response
}

fn wanted(required: bool) -> Required {
    if required { Required::True } else { Required::False }
}

impl Shape {
    fn schema(self) -> RefOr<Schema> {
        let object = |name: &str| RefOr::Ref(Ref::from_schema_name(name));
        let simple = |kind| RefOr::T(Schema::Object(ObjectBuilder::new().schema_type(kind).build()));
        match self {
            Self::Object(name) => object(name),
            Self::List(name) => RefOr::T(Schema::Array(ArrayBuilder::new().items(object(name)).build())),
            Self::Either(one, other) => {
                RefOr::T(Schema::OneOf(OneOfBuilder::new().item(object(one)).item(object(other)).build()))
            }
            Self::Text => simple(Type::String),
            Self::Truth => simple(Type::Boolean),
        }
    }
}
