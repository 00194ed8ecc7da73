"""The client's `models.py`: one class for each schema that an answer or a part of a question is made of."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any

from generator.annotations import WIDTH, Schema, annotation, name_of, or_none

_PAGE = {"items", "page", "page_size", "total", "pages"}

_HEAD = '''"""What the API's answers are made of. Written by `python client/generate.py`; not to be edited."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from bookshelf_client.answer import Answer, Page
'''


def models_module(document: Schema) -> str:
    """The whole module. Whole questions are left out: their fields are their methods' arguments."""
    schemas: dict[str, Schema] = document["components"]["schemas"]
    questions = _questions(document)
    asked = {name for one in questions for name in _names_in(schemas[one])}
    told = {name: schema for name, schema in schemas.items() if name not in questions}
    # Pages last: the class of their items is needed where they are declared.
    ordered = sorted(told, key=lambda name: (_is_page(told[name]), name))
    bodies = [_class(name, told[name], asked=name in asked) for name in ordered]
    return "\n\n".join([_HEAD, *bodies])


def _questions(document: Schema) -> set[str]:
    operations = [each for path in document["paths"].values() for each in path.values()]
    bodies = [each["requestBody"]["content"] for each in operations if "requestBody" in each]
    return {name_of(content["application/json"]["schema"]) for content in bodies}


def _names_in(part: Any) -> Iterator[str]:
    """Every schema that is referred to anywhere in there."""
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield name_of(part)
        for value in part.values():
            yield from _names_in(value)
    elif isinstance(part, list):
        for value in part:
            yield from _names_in(value)


def _class(name: str, schema: Schema, *, asked: bool) -> str:
    properties: dict[str, Schema] = schema.get("properties", {})
    base = "Answer"
    if _is_page(schema):
        base = f"Page[{annotation(properties['items']['items'], closed=asked)}]"
        properties = {field: each for field, each in properties.items() if field not in _PAGE}
    fields = [_field(field, each, schema, asked=asked) for field, each in properties.items()]
    about = textwrap.indent(f'"""{schema.get("description") or f"A {name}."}\n"""', "    ")
    if "\n" not in schema.get("description", ""):
        about = f'    """{schema.get("description") or f"{name}, as the API has it."}"""'
    return "\n".join([f"class {name}({base}):", about, "", *fields])


def _is_page(schema: Schema) -> bool:
    return set(schema.get("properties", ())) >= _PAGE


def _field(name: str, field: Schema, schema: Schema, *, asked: bool) -> str:
    told = textwrap.wrap(field.get("description", ""), WIDTH)
    kind = annotation(field, closed=asked)
    needed = name in schema.get("required", ())
    line = f"    {name}: {kind}" if needed else f"    {name}: {_with_default(kind, field.get('default'))}"
    return "\n".join([*(f"    #: {each}" for each in told), line])


def _with_default(kind: str, default: Any) -> str:
    match default:
        case []:
            return f"{kind} = Field(default_factory=list)"
        case str() | int() | float():
            return f"{kind} = {default!r}"
        case _:
            return f"{or_none(kind)} = None"
