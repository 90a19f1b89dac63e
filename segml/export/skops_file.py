"""Data with scikit-learn objects as skops files: no pickle, known types only."""

from __future__ import annotations

import io
import re
import warnings
import zipfile
from pathlib import Path
from typing import Any

from segml._core.errors import DataError, ParameterError
from segml._core.files import whole_file

#: Types beyond those of scikit-learn, NumPy and SciPy, which skops knows itself.
TRUSTED = frozenset(
    {
        "segml.clustering._density.DensityTree",
        "segml.clustering.embedding.UmapEmbedding",
        "segml.clustering.rfm_scorer.RFMScorer",
        "segml.features.encoders.LevelEncoder",
        "segml.features.encoders.as_numbers",
        "segml.features.encoders.as_ranks",
        "segml.features.encoders.circle_names",
        "segml.features.encoders.on_circle",
        "segml.features.preprocess.FeaturePreprocessor",
        "segml.features.preprocess.signed_log",
        "segml.features.scaling.FeatureScaler",
    }
)
_MOST = 500_000_000  # bytes
_EPOCH = (1980, 1, 1, 0, 0, 0)
_ID = re.compile(rb'"(__id__": |file": ")(\d+)')


def write_skops(path: Path, data: Any, largest: int = _MOST) -> Path:
    """Write data whole, the same bytes for the same data.

    Parameters
    ----------
    path : Path
        The file.
    data : object
        Dicts, lists, numbers, texts, arrays and estimators of known types.
    largest : int
        Bytes that the file may have.

    Raises
    ------
    ParameterError
        A type is not known, or the file would be too large.
    """
    from skops.io import dumps, get_untrusted_types

    try:
        content = dumps(data)
    except Exception as error:  # what has no state of its own: open files, closures, locks
        raise ParameterError(
            "a part of this model has no form in skops",
            where=str(path),
            got=f"{type(error).__name__}: {error}",
            expected="parts of scikit-learn and segml",
        ) from error
    if len(content) > largest:
        raise ParameterError(
            "the file would be too large",
            where=str(path),
            got=f"{len(content) / 1e6:,.0f} MB",
            expected=f"at most {largest / 1e6:,.0f} MB",
            hint="fit to a sample of the customers: new ones are assigned all the same",
        )
    if unknown := sorted(set(get_untrusted_types(data=content)) - TRUSTED):
        raise ParameterError(
            "a part of this model is of a type that would not be loaded",
            where=str(path),
            got=", ".join(unknown),
            expected="parts of scikit-learn and segml",
        )
    with whole_file(path) as aside:
        aside.write_bytes(_normalised(content))
    return path


def read_skops(path: Path) -> Any:
    """Read data that `write_skops` wrote; nothing is built before all its types are known.

    Raises
    ------
    DataError
        The file is cut off, is not of skops, or holds other types.
    """
    from sklearn.exceptions import InconsistentVersionWarning
    from skops.io import get_untrusted_types, load

    try:
        unknown = sorted(set(get_untrusted_types(file=path)) - TRUSTED)
    except Exception as error:  # zipfile, JSON, skops: each has errors of its own
        raise _unreadable(path, error) from error
    if unknown:
        raise DataError(
            "the file holds types that are not loaded",
            where=str(path),
            got=", ".join(unknown),
            expected="parts of scikit-learn and segml",
            hint="load models only from whom you trust, and save them with save_model",
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", InconsistentVersionWarning)  # said by who reads it
            return load(path, trusted=sorted(TRUSTED))
    except Exception as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> DataError:
    return DataError(
        "the file cannot be read",
        where=str(path),
        got=f"{type(error).__name__}: {error}",
        expected="a skops file that save_model wrote",
    )


def _normalised(content: bytes) -> bytes:
    """Return a skops file without what differs by run: addresses as ids, and the time.

    Ids become numbers in the order in which they come up.
    """
    numbers: dict[bytes, int] = {}

    def renumber(found: re.Match[bytes]) -> bytes:
        number = numbers.setdefault(found[2], len(numbers))
        return b'"%b%d' % (found[1], number)

    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as given, zipfile.ZipFile(made, "w") as new:
        schema = _ID.sub(renumber, given.read("schema.json"))
        files = {name: name for name in given.namelist() if name != "schema.json"}
        for name in files:
            stem, _, kind = name.partition(".")
            files[name] = f"{numbers[stem.encode()]}.{kind}"
        for name in sorted(files, key=lambda name: int(files[name].partition(".")[0])):
            _add(new, files[name], given.read(name))
        _add(new, "schema.json", schema)
    return made.getvalue()


def _add(file: zipfile.ZipFile, name: str, content: bytes) -> None:
    file.writestr(zipfile.ZipInfo(name, _EPOCH), content, zipfile.ZIP_DEFLATED, 6)
