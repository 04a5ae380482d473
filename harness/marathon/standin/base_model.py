"""Base of the definition's models: how JSON becomes values, and types that several of them share."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticKnownError

Port = Annotated[int, Field(ge=0, le=65535)]


def _held(value: int) -> int:
    """Return the value if Marathon's 32-bit integers can hold it."""
    if not -(2**31) <= value < 2**31:
        raise PydanticKnownError("int_from_float")
    return value


Integer = Annotated[int, AfterValidator(_held)]
NotNegative = Annotated[Integer, Field(ge=0)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")]
Labels = dict[str, str]


class Model(BaseModel):
    """Base: camelCase in JSON, no coercion between JSON types, unknown keys ignored, values immutable."""

    model_config = ConfigDict(
        alias_generator=to_camel, strict=True, extra="ignore", populate_by_name=True, frozen=True
    )

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, document: Any) -> Any:
        """Drop nulls: Marathon treats them as absent, and its own answers of 1.4 are full of them."""
        if not isinstance(document, dict):
            return document
        fields = {field.alias or name: field for name, field in cls.model_fields.items()}
        return {k: v for k, v in document.items() if v is not None or (k in fields and fields[k].is_required())}

    def replace(self, **changes: Any) -> Self:
        """Return a copy with the named (snake_case) fields changed."""
        return self.model_copy(update=changes)
