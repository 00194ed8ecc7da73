"""What a schema of the OpenAPI document is called in Python."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

_SIMPLE = {"integer": "int", "number": "float", "boolean": "bool", "null": "None"}
# A line of the house's length, within a method.
WIDTH = 104


def annotation(schema: Schema, *, closed: bool) -> str:
    """The Python type of the schema's values.

    `closed` takes an enumeration for all there is, as in what is asked. In an answer a newer API may say
    what is not in it yet, and there it is a `str`.
    """
    if "$ref" in schema:
        return name_of(schema)
    if "anyOf" in schema:
        return " | ".join(dict.fromkeys(annotation(one, closed=closed) for one in schema["anyOf"]))
    if "enum" in schema:
        return f"Literal[{', '.join(map(repr, schema['enum']))}]" if closed else "str"
    match schema.get("type"):
        case "array":
            return f"list[{annotation(schema['items'], closed=closed)}]"
        case "object":
            values = schema.get("additionalProperties")
            return f"dict[str, {annotation(values, closed=closed) if isinstance(values, dict) else 'Any'}]"
        case "string":
            return "datetime" if schema.get("format") == "date-time" else "str"
        case kind:
            return _SIMPLE[str(kind)]


def or_none(named: str) -> str:
    """The type of an argument or field that may be left out."""
    return named if named.endswith("None") else f"{named} | None"


def name_of(schema: Schema) -> str:
    """The name of the schema that is referred to."""
    return str(schema["$ref"]).rpartition("/")[2]
