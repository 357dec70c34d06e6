"""The receiver's interface as an OpenAPI document."""

from importlib.metadata import version
from typing import Any

from ingestion.signatures import HEADER

WEBHOOK_PATH = "/webhooks/calendly"

_REFUSAL = {"$ref": "#/components/schemas/Refusal"}


def openapi(*, is_signed: bool, body_bytes: int) -> dict[str, Any]:
    """The OpenAPI 3.1 document.

    Args:
        is_signed: Whether deliveries must have a signature.
        body_bytes: The longest body that is taken.
    """
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Throughline's webhook receiver",
            "version": version("throughline"),
            "description": "Keeps Calendly's webhook deliveries. A request that is no HTTP is answered 400, one beyond"
            " the number that is served at once 503, both with a line of text.",
        },
        "paths": {
            WEBHOOK_PATH: {"post": _delivery(is_signed, body_bytes)},
            "/healthz": {"get": _health()},
            "/metrics": {"get": _metrics()},
            "/openapi.json": {
                "get": {
                    "operationId": "describe",
                    "summary": "This document",
                    "responses": {"200": _answer("The document", {"type": "object"})},
                }
            },
        },
        "components": {
            "schemas": {
                "Refusal": {
                    "type": "object",
                    "properties": {"message": {"type": "string", "minLength": 1}},
                    "required": ["message"],
                    "additionalProperties": False,
                }
            }
        },
    }


def _delivery(is_signed: bool, body_bytes: int) -> dict[str, Any]:
    signature = {
        "name": HEADER,
        "in": "header",
        "required": is_signed,
        "description": "`t=<Unix time>,v1=<HMAC-SHA256, in hexadecimal, of the time, a full stop and the body>`",
        "schema": {"type": "string"},
    }
    responses = {
        "200": _answer("It is on stable storage, whatever it holds.", _object(status={"const": "stored"})),
        "401": _answer("The signature is missing, wrong or stale.", _REFUSAL),
        "408": _answer("The body did not come in time.", _REFUSAL),
        "413": _answer(f"The body is longer than {body_bytes} bytes.", _REFUSAL),
        "503": _answer("It could not be written: send it again.", _REFUSAL)
        | {"headers": {"Retry-After": {"required": True, "schema": {"type": "integer"}}}},
    }
    if not is_signed:
        del responses["401"]
    return {
        "operationId": "deliver",
        "summary": "Keep a delivery",
        "description": "Content is not looked at: whatever is signed is kept as it came.",
        "parameters": [signature],
        "requestBody": {
            "required": False,
            "content": {
                "application/json": {"schema": {}},
                "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
            },
        },
        "responses": responses,
    }


def _health() -> dict[str, Any]:
    last_stored_at = {"type": ["string", "null"], "format": "date-time"}
    return {
        "operationId": "health",
        "summary": "Whether deliveries can be kept",
        "responses": {
            "200": _answer("They can.", _object(status={"const": "ok"}, last_stored_at=last_stored_at)),
            "503": _answer("The last write failed, and so did one now.", _REFUSAL),
        },
    }


def _metrics() -> dict[str, Any]:
    content = {"text/plain": {"schema": {"type": "string"}}}
    return {
        "operationId": "metrics",
        "summary": "Figures in Prometheus's text format",
        "responses": {"200": {"description": "The figures", "content": content}},
    }


def _answer(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _object(**properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
