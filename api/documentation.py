"""The OpenAPI document, complete with problems and examples, and its Swagger UI at /apidocs/."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.info import Info
from flask_openapi3.models.tag import Tag
from flask_openapi3.openapi import OpenAPI

from api.addresses import API_PREFIX
from api.errors import PROBLEM_JSON, refuse_invalid
from api.examples import (
    CSV_EXAMPLE,
    EXAMPLES,
    NDJSON_EXAMPLE,
    ORDER_PROBLEM_EXAMPLE,
    PROBLEM_EXAMPLES,
    RUN_PROBLEM_EXAMPLE,
)
from bookshelf.contracts import MODEL_VERSION_HEADER, ModelRef, Problem
from bookshelf.model_orders import KINDS
from bookshelf.table_contracts import MEDIA_TYPES

DOCS_PREFIX = "/apidocs"
BEARER: list[dict[str, list[Any]]] = [{"bearer": []}]
_SCHEMES: dict[str, Any] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "The access token of `POST /api/v1/auth/login`.",
    }
}
_DESCRIPTION = """\
Books, statistics, scrape runs and the models' answers.

Every error is an `application/problem+json` document whose `errors` name the offending fields.
Models are answered for by the model server; while it is away they say 503 with `Retry-After`,
and books go on being served."""

_RUN_LOCATION = {"description": "Where the run can be watched.", "schema": {"type": "string"}}
_ORDER_LOCATION = {"description": "Where the order can be watched.", "schema": {"type": "string"}}
# What may be asked without a body, and what the answer's `Location` tells.
_WITHOUT_BODY = {
    "/scraping/trigger": _RUN_LOCATION,
    **{f"/ml/models/{{name}}/{kind}": _ORDER_LOCATION for kind in KINDS},
}

# The plugin's own page lives at /apidocs/swagger; this one is at /apidocs/ and uses the same assets.
_SWAGGER_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
  <meta charset="UTF-8">
  <title>Bookshelf API</title>
  <link rel="shortcut icon" href="swagger/images/swagger.svg">
  <link rel="stylesheet" href="swagger/css/swagger-ui.css">
</head>
<body>
  <div id="swagger-ui"></div>
  <script src="swagger/js/swagger-ui-bundle.js"></script>
  <script>
    window.ui = SwaggerUIBundle({
      url: "openapi.json",
      dom_id: "#swagger-ui",
      deepLinking: true,
      tryItOutEnabled: true,
      displayRequestDuration: true,
      defaultModelsExpandDepth: 0,
      validatorUrl: null
    });
  </script>
</body>
</html>
"""


class DocumentedAPI(OpenAPI):
    """The app with its OpenAPI document; what the framework's types have no place for is added here."""

    def __init__(self, import_name: str) -> None:
        super().__init__(
            import_name,
            info=Info(title="Bookshelf API", version="1.0.0", description=_DESCRIPTION),
            security_schemes=_SCHEMES,
            validation_error_model=Problem,
            validation_error_callback=refuse_invalid,
            doc_prefix=DOCS_PREFIX,
            static_folder=None,
        )
        self.config["OPENAPI_HTML_STRING"] = _SWAGGER_PAGE

    def generate_spec_json(self) -> None:
        super().generate_spec_json()  # type: ignore[no-untyped-call]
        schemas = self.spec_json["components"]["schemas"]
        for name, example in EXAMPLES.items():
            schemas[name]["examples"] = [example]
        made_by_models = {name for name, schema in schemas.items() if _names_its_model(schema)}
        for operation in (each for path in self.spec_json["paths"].values() for each in path.values()):
            _document_model_header(operation, made_by_models)
            # A docstring's lines come joined by breaks, the empty one after the summary included.
            lines = operation.pop("description", "").replace("<br/>", "\n").strip()
            operation.update({"description": lines} if lines else {})
        for path, location in _WITHOUT_BODY.items():
            asked = self.spec_json["paths"][API_PREFIX + path]["post"]
            asked["requestBody"]["required"] = False
            asked["responses"]["202"]["headers"] = {"Location": location}
        changes = self.spec_json["paths"][f"{API_PREFIX}/snapshots/{{snapshot_id}}/changes"]["get"]
        changes["responses"]["200"]["content"]["text/csv"] = {
            "schema": {"type": "string"},
            "example": CSV_EXAMPLE,
        }
        for table in ("features", "training-data"):
            told = self.spec_json["paths"][f"{API_PREFIX}/ml/{table}"]["get"]["responses"]["200"]["content"]
            told[MEDIA_TYPES["ndjson"]] = {"schema": {"type": "string"}, "example": NDJSON_EXAMPLE}
            told[MEDIA_TYPES["parquet"]] = {"schema": {"type": "string", "format": "binary"}}


def group(name: str, path: str, about: str, *statuses: int) -> APIBlueprint:
    """The endpoints below `path`, under one heading; any of them may answer with those problems."""
    return APIBlueprint(
        name,
        "api",
        url_prefix=API_PREFIX + path,
        abp_tags=[Tag(name=name, description=about)],
        abp_responses=problems(*statuses),
        operation_id_callback=lambda *, name, path, method: name,  # noqa: ARG005  (called by keyword)
    )


def problems(*statuses: int) -> dict[Any, Any]:
    """The documented problem answers of an endpoint, each with an example."""
    return {status: _problem(status) for status in statuses}


def run_in_the_way() -> dict[Any, Any]:
    """The documented conflict with a run that is under way, which names it."""
    return _in_the_way("run_id", RUN_PROBLEM_EXAMPLE, _RUN_LOCATION)


def order_in_the_way() -> dict[Any, Any]:
    """The documented conflict with an order of the same model, which names it."""
    return _in_the_way("order_id", ORDER_PROBLEM_EXAMPLE, _ORDER_LOCATION)


def _in_the_way(field: str, example: dict[str, Any], location: dict[str, Any]) -> dict[Any, Any]:
    documented = _problem(HTTPStatus.CONFLICT)
    named = {"type": "object", "properties": {field: {"type": "string", "format": "uuid"}}}
    content = documented["content"][PROBLEM_JSON]
    content["schema"] = {"allOf": [content["schema"], named]}
    content["example"] = example
    return {HTTPStatus.CONFLICT.value: documented | {"headers": {"Location": location}}}


def _names_its_model(schema: dict[str, Any]) -> bool:
    told: str = schema.get("properties", {}).get("model", {}).get("$ref", "")
    return told.endswith(f"/{ModelRef.__name__}")


def _document_model_header(operation: dict[str, Any], made_by_models: set[str]) -> None:
    """An answer that names the model that made it names it in a header too."""
    answer = operation["responses"].get("200", {})
    schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
    if schema.get("$ref", "").rpartition("/")[2] in made_by_models:
        answer.setdefault("headers", {})[MODEL_VERSION_HEADER] = _header(
            "Model and version, such as `price/3`.", {"type": "string"}
        )


def _problem(status: int) -> dict[str, Any]:
    documented: dict[str, Any] = {
        "description": HTTPStatus(status).phrase,
        "content": {
            PROBLEM_JSON: {
                "schema": {"$ref": "#/components/schemas/Problem"},
                "example": PROBLEM_EXAMPLES[status],
            }
        },
    }
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        seconds = {"type": "integer"}
        documented["headers"] = {"Retry-After": _header("In how many seconds to ask again.", seconds)}
    return documented


def _header(description: str, schema: dict[str, str]) -> dict[str, Any]:
    return {"description": description, "schema": schema}
