"""The client's `operations.py`: one method for each operation, and one more where it can be had as a file."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

from generator.annotations import WIDTH, Schema, annotation, name_of, or_none

_HEAD = '''"""The API's operations as methods. Written by `python client/generate.py`; not to be edited."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from bookshelf_client.models import *
from bookshelf_client.transport import Call, Transport


class Operations(Transport):
    """The API's operations by their names in its OpenAPI document.

    What is left out is left to the API; its defaults are in its document. Raises what `errors` lists.
    """
'''
_JSON = "application/json"
_PAGING = ("page", "page_size")


@dataclass(frozen=True, slots=True)
class _Argument:
    """One argument of a method: what it is called in Python and on the wire, and where it goes."""

    name: str
    wire: str
    kind: str
    place: str
    required: bool
    about: str

    @property
    def declared(self) -> str:
        return f"{self.name}: {self.kind}" if self.required else f"{self.name}: {or_none(self.kind)} = None"


def operations_module(document: Schema) -> str:
    """The whole module."""
    methods = [
        method
        for path, verbs in document["paths"].items()
        for verb, operation in verbs.items()
        for method in _methods(path, verb.upper(), operation, document["components"]["schemas"])
    ]
    used = {name for name in document["components"]["schemas"] if re.search(rf"\b{name}\b", "".join(methods))}
    return "\n".join([_HEAD.replace("import *", f"import {', '.join(sorted(used))}"), *methods])


def _methods(path: str, verb: str, operation: Schema, schemas: dict[str, Schema]) -> Iterator[str]:
    arguments = [*_parameters(operation), *_fields(operation, schemas)]
    arguments.sort(key=lambda one: (one.place != "values", not one.required))
    [status] = [one for one in operation["responses"] if one.startswith("2")]
    content: Schema = operation["responses"][status].get("content", {})
    as_page = [one for one in arguments if one.name != "format" or len(content) == 1]
    yield _method(path, verb, operation, as_page, _answer(content))
    if len(content) > 1:
        yield _file_method(path, verb, operation, [one for one in arguments if one.name not in _PAGING])


def _parameters(operation: Schema) -> Iterator[_Argument]:
    places = {"path": "values", "query": "query", "header": "headers"}
    for one in operation.get("parameters", ()):
        name = one["name"].lower().replace("-", "_")
        kind = annotation(one["schema"], closed=True)
        about = one.get("description", "")
        yield _Argument(name, one["name"], kind, places[one["in"]], one["required"], about)


def _fields(operation: Schema, schemas: dict[str, Schema]) -> Iterator[_Argument]:
    if "requestBody" not in operation:
        return
    question = schemas[name_of(operation["requestBody"]["content"][_JSON]["schema"])]
    for name, field in question["properties"].items():
        needed = name in question.get("required", ())
        yield _Argument(
            name, name, annotation(field, closed=True), "body", needed, field.get("description", "")
        )


def _answer(content: Schema) -> str:
    return name_of(content[_JSON]["schema"]) if content else "None"


def _method(path: str, verb: str, operation: Schema, arguments: list[_Argument], answer: str) -> str:
    call = _call(path, verb, operation, arguments)
    does = f"self._tell({call})" if answer == "None" else f"return self._ask({call}, {answer})"
    return _defined(operation["operationId"], operation, arguments, answer, does)


def _file_method(path: str, verb: str, operation: Schema, arguments: list[_Argument]) -> str:
    """The whole table as a file; the format is one of those that are no page."""
    formats = [one for one in arguments if one.name == "format"]
    kind = formats[0].kind.replace("'json', ", "").removesuffix(" | None")
    chosen = _Argument("format", "format", kind, "query", True, "Of the file.")
    others = [one for one in arguments if one.name != "format"]
    to = _Argument("to", "to", "str | Path", "file", True, "Where it is written, once all of it has come.")
    ordered = sorted(
        [*others, to, chosen], key=lambda one: (one.place not in ("values", "file"), not one.required)
    )
    does = f"return self._fetch({_call(path, verb, operation, [*others, chosen])}, to)"
    return _defined(f"{operation['operationId']}_file", operation, ordered, "Path", does)


def _call(path: str, verb: str, operation: Schema, arguments: list[_Argument]) -> str:
    parts = [repr(verb), repr(path)]
    for place in ("values", "query", "headers", "body"):
        if told := ", ".join(f"{one.wire!r}: {one.name}" for one in arguments if one.place == place):
            parts.append(f"{place}={{{told}}}")
    if "security" in operation:
        parts.append(f"token={'refresh' if operation['operationId'] == 'refresh' else 'access'!r}")
    if accepted := _also_accepted(operation):
        parts.append(f"accepts={accepted}")
    return f"Call({', '.join(parts)})"


def _also_accepted(operation: Schema) -> tuple[int, ...] | None:
    """Statuses of answers where some are no success, as of a health check; None where all are."""
    statuses = {
        int(status) for status, one in operation["responses"].items() if _JSON in one.get("content", {})
    }
    return tuple(sorted(statuses)) if any(status >= 300 for status in statuses) else None


def _defined(name: str, operation: Schema, arguments: list[_Argument], answer: str, does: str) -> str:
    by_place = [one.declared for one in arguments if one.place in ("values", "file")]
    by_name = [one.declared for one in arguments if one.place not in ("values", "file")]
    signature = ", ".join(["self", *by_place, *(["*", *by_name] if by_name else [])])
    lines = [f"def {name}({signature}) -> {answer}:", *_about(operation, arguments), f"    {does}", ""]
    return textwrap.indent("\n".join(lines), "    ")


def _about(operation: Schema, arguments: list[_Argument]) -> list[str]:
    paragraphs = [operation["summary"], *operation.get("description", "").split("\n\n")]
    known = [f"`{one.name}`: {one.about}" for one in arguments if one.about]
    parts = [textwrap.fill(" ".join(each.split()), WIDTH - 8) for each in paragraphs if each]
    parts += ["\n".join(textwrap.fill(" ".join(each.split()), WIDTH - 8) for each in known)] if known else []
    text = "\n\n".join(parts)
    whole = f'"""{text}"""' if "\n" not in text else f'"""{text}\n"""'
    return textwrap.indent(whole, "    ").split("\n")
