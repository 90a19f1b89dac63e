"""The spelling of names, texts and types in Spark's SQL."""

from __future__ import annotations

import re

from segml._core.errors import DataError

# A text or a name: what stands within one is not taken for the other.
_SPELLED = re.compile(
    r"'((?:[^']|'')*)'|\"((?:[^\"]|\"\")*)\"|\b(VARCHAR|TIMESTAMPTZ)\b", re.IGNORECASE
)

_TYPES = {
    "string": "VARCHAR",
    "tinyint": "TINYINT",
    "smallint": "SMALLINT",
    "int": "INTEGER",
    "bigint": "BIGINT",
    "float": "FLOAT",
    "double": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMP WITH TIME ZONE",
    "timestamp_ntz": "TIMESTAMP",
    "binary": "BLOB",
    "void": "NULL",
}


_JAVA = {
    "d": "d", "m": "M", "Y": "yyyy", "y": "yy", "H": "H", "I": "h", "M": "m", "S": "s",
    "p": "a", "b": "MMM", "B": "MMMM", "a": "EEE", "A": "EEEE", "f": "[SSSSSS][SSS]", "j": "D",
    "z": "[XXX][XX][X]", "%": "%", "T": "H:m:s", "R": "H:m", "F": "yyyy-M-d",
}  # fmt: skip


_PADDED = set("dmHIMS")
_NUMBERS = _PADDED | set("Yyj")


def java_format(strptime: str) -> str:
    """Translate a strptime format to the patterns of Java.

    Numbers may have one digit or two, but two where nothing parts them from the next.

    Raises
    ------
    DataError
        A directive that has no counterpart.

    Examples
    --------
    >>> java_format("%d-%b-%Y um %H:%M")
    "d-MMM-yyyy' um 'H:m"
    >>> java_format("%Y%m%d")
    'yyyyMMdd'
    """
    parts = []
    found = re.findall(r"%-?(.)|([^%]+)", strptime)
    for i, (directive, text) in enumerate(found):
        if directive and directive not in _JAVA:
            raise DataError(
                "Spark has no counterpart of this part of a date format",
                where="date_format",
                got=f"%{directive}",
                expected="one of " + ", ".join(f"%{known}" for known in _JAVA),
            )
        if directive:
            pattern = _JAVA[directive]
            beside = {part for part, _ in (*found[max(i - 1, 0) : i], *found[i + 1 : i + 2])}
            parts.append(pattern * 2 if directive in _PADDED and beside & _NUMBERS else pattern)
        else:
            quoted = "'" + text.replace("'", "''") + "'"
            parts.append(quoted if re.search(r"[A-Za-z'\[\]#{}]", text) else text)
    return "".join(parts)


def to_spark(text: str) -> str:
    r"""Spell the quoted parts and the types of a SQL text as Spark reads them.

    Names move from double quotes to backticks, a backslash in a text stands for itself,
    and the types VARCHAR and TIMESTAMPTZ have Spark's names; the rest is not touched.

    Examples
    --------
    >>> print(to_spark('SELECT "a ""b" FROM t WHERE x = ' + "'O''Brien'"))
    SELECT `a "b` FROM t WHERE x = 'O\'Brien'
    """

    def spell(found: re.Match[str]) -> str:
        if found.group(2) is not None:
            return "`" + found.group(2).replace('""', '"').replace("`", "``") + "`"
        if found.group(3) is not None:
            return "STRING" if found.group(3).upper() == "VARCHAR" else "TIMESTAMP_LTZ"
        value = found.group(1).replace("''", "'")
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"

    return _SPELLED.sub(spell, text)


def type_name(spark: str) -> str:
    """Return the name that the layers above know a Spark type by.

    Examples
    --------
    >>> type_name("string"), type_name("decimal(18,4)"), type_name("array<int>")
    ('VARCHAR', 'DECIMAL(18,4)', 'INTEGER[]')
    """
    if spark.startswith("array<"):
        return type_name(spark[6:-1]) + "[]"
    if spark.startswith(("varchar", "char")):
        return "VARCHAR"
    return _TYPES.get(spark, spark.upper())
