"""What every form of the configuration stands on: strict types, complaints of ours, texts, lists and sizes."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from dbmimic.config.document import Blank
from dbmimic.model.size import byte_count


def complaint(
    message: str, hint: str = "", *, code: str = "DM204", within: tuple[str | int, ...] = (), at_key: bool = False
) -> PydanticCustomError:
    """Give an error of ours; `within` is the way on from the validated value to the one that is wrong."""
    context = {"sentence": message, "hint": hint, "code": code, "within": within, "at_key": at_key}
    return PydanticCustomError("ours", "{sentence}", context)


def empty_list(value: object) -> object:
    """Give an empty list for a key with nothing after it."""
    return [] if value is Blank.BLANK else value


def empty_mapping(value: object) -> object:
    """Give an empty mapping for a key with nothing after it."""
    return {} if value is Blank.BLANK else value


def _not_blank(text: object) -> object:
    if isinstance(text, str) and not text.strip():
        raise complaint("this text is empty")
    return text


def word_null(value: object) -> object:
    """Give the word for YAML's null: a policy or a mask is meant."""
    return "null" if value is None else value


Text = Annotated[str, BeforeValidator(_not_blank), Field(json_schema_extra={"minLength": 1})]


class Form(BaseModel):
    """The base of all forms: no type is converted and no key is passed over."""

    model_config: ClassVar[ConfigDict] = ConfigDict(strict=True, extra="forbid", frozen=True, hide_input_in_errors=True)


def _size(value: object) -> object:
    """Give bytes for a text such as 2GB; a number is bytes already."""
    if not isinstance(value, str):
        return value
    try:
        return byte_count(value)
    except ValueError as error:
        raise complaint(str(error), "write 2GB") from None


Size = Annotated[
    int, BeforeValidator(_size), Field(ge=1), WithJsonSchema({"type": ["integer", "string"], "minimum": 1})
]
