"""Fields whose values have a Python type of their own, as packages for keys have them."""

from __future__ import annotations

import uuid
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models


class Code:
    """A number that people see as another text, such as a hashid or a ULID."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __str__(self) -> str:
        return f"c{self.number:04x}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Code) and other.number == self.number

    def __hash__(self) -> int:
        return hash(self.number)


class CodeField(models.Field):  # type: ignore[type-arg]  # not subscriptable at runtime
    """Keeps a code as a number."""

    def get_internal_type(self) -> str:
        return "BigIntegerField"

    def to_python(self, value: Any) -> Any:
        if value is None or isinstance(value, Code):
            return value
        if isinstance(value, int):
            return Code(value)
        try:
            return Code(int(str(value).removeprefix("c"), 16))
        except ValueError as error:
            raise ValidationError("not a code") from error

    def from_db_value(self, value: Any, *rest: Any) -> Any:
        return None if value is None else Code(value)

    def get_prep_value(self, value: Any) -> Any:
        return None if value is None else self.to_python(value).number

    def value_to_string(self, obj: models.Model) -> str:
        return str(self.value_from_object(obj))


class UuidTextField(models.CharField):  # type: ignore[type-arg]
    """Keeps a UUID as text."""

    def to_python(self, value: Any) -> Any:
        if value is None or isinstance(value, uuid.UUID):
            return value
        try:
            return uuid.UUID(str(value))
        except ValueError as error:
            raise ValidationError("not a UUID") from error

    def from_db_value(self, value: Any, *rest: Any) -> Any:
        return None if value is None else uuid.UUID(value)

    def get_prep_value(self, value: Any) -> Any:
        return None if value is None else str(self.to_python(value))


class AnyCaseField(models.CharField):  # type: ignore[type-arg]
    """Text that the database compares without case."""

    def db_type(self, connection: Any) -> str:
        if connection.vendor == "postgresql":
            return "any_case"
        return f"{super().db_type(connection)} COLLATE NOCASE"

    def rel_db_type(self, connection: Any) -> str:
        return self.db_type(connection)

    def cast_db_type(self, connection: Any) -> str:
        return self.db_type(connection)


ANY_CASE_TYPE = """
    CREATE TYPE any_case;
    CREATE FUNCTION any_case_in(cstring) RETURNS any_case
        AS 'textin' LANGUAGE internal IMMUTABLE STRICT;
    CREATE FUNCTION any_case_out(any_case) RETURNS cstring
        AS 'textout' LANGUAGE internal IMMUTABLE STRICT;
    CREATE TYPE any_case (INPUT = any_case_in, OUTPUT = any_case_out, LIKE = text);
    CREATE CAST (any_case AS text) WITHOUT FUNCTION;
    CREATE CAST (text AS any_case) WITHOUT FUNCTION AS ASSIGNMENT;
    CREATE FUNCTION any_case_compare(any_case, any_case) RETURNS integer
        AS 'SELECT bttextcmp(lower($1::text), lower($2::text))' LANGUAGE sql IMMUTABLE STRICT;
    {operators}
    CREATE OPERATOR CLASS any_case_operators DEFAULT FOR TYPE any_case USING btree AS
        OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >,
        FUNCTION 1 any_case_compare(any_case, any_case);
""".format(
    operators="".join(
        f"""
    CREATE FUNCTION any_case_{name}(any_case, any_case) RETURNS boolean
        AS 'SELECT any_case_compare($1, $2) {operator} 0' LANGUAGE sql IMMUTABLE STRICT;
    CREATE OPERATOR {operator}
        (LEFTARG = any_case, RIGHTARG = any_case, FUNCTION = any_case_{name});"""
        for name, operator in (("lt", "<"), ("le", "<="), ("eq", "="), ("ge", ">="), ("gt", ">"))
    )
)
"""Makes the type on PostgreSQL: like citext, and without an extension or ICU."""
