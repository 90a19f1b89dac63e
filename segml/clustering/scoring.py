"""Segments of customers who stay where they are: the nearest centre, as SQL in the engine."""

from __future__ import annotations

from sklearn.utils.validation import check_is_fitted

from segml._core.errors import ParameterError
from segml.engine import Table
from segml.engine.sql import Fragment, literal
from segml.features import FeatureTable
from segml.features.scaling_sql import scaled_table

from .kmeans import KMeansSegmenter
from .nearest_sql import nearest_center


def assign_segments(segmenter: KMeansSegmenter, features: FeatureTable | Table) -> Table:
    """Assign customers to k-means segments in the engine, without fetching them.

    Parameters
    ----------
    segmenter : KMeansSegmenter
        Fitted, to features that have names.
    features : FeatureTable or Table
        The same features, of any customers, on any engine: a FeatureTable, or a table with
        ``customer_id`` and a column per feature.

    Returns
    -------
    Table
        Lazy: ``customer_id``, ``segment`` (id) and ``name``, in no promised order. Both
        are missing where a distance cannot be computed: a feature is infinite, or is
        missing and the preprocessor has nothing to stand for it.

    Raises
    ------
    DataError
        A level is neither text, a whole number nor a truth value.
    MissingTableError
        A feature has no column.
    NotFittedError
        Before ``fit``.
    ParameterError
        The segmenter or a part of its preprocessor has no SQL.

    Notes
    -----
    Squared distances are summed in the order in which NumPy does it, and of equally near
    centres the lowest id wins, so that labels are those of ``predict``. Only logarithms,
    sines and cosines may differ in their last digit, which moves no customer but one
    whose two nearest centres are equally near to some 15 digits.

    Examples
    --------
    >>> import pandas as pd
    >>> from segml.engine import connect
    >>> frame = pd.DataFrame({"orders": [1, 1, 2, 20, 21]}, index=list("abcde"))
    >>> segmenter = KMeansSegmenter(n_segments=2).fit(frame)
    >>> customers = connect().sql("SELECT 'x' AS customer_id, 17 AS orders")
    >>> assign_segments(segmenter, customers).to_arrow().to_pylist()
    [{'customer_id': 'x', 'segment': 1, 'name': 'Frequent'}]
    """
    if not isinstance(segmenter, KMeansSegmenter) or segmenter.embedding is not None:
        raise ParameterError(
            "these segments are not assigned in the engine",
            where="segmenter",
            got=segmenter,
            expected="a KMeansSegmenter without an embedding",
            hint="score in memory: predict(features.to_pandas())",
        )
    check_is_fitted(segmenter)
    columns = getattr(segmenter, "feature_names_in_", None)
    if columns is None:
        raise ParameterError(
            "the segmenter was fitted to an array, whose columns have no names",
            where="segmenter",
            expected="a fit to a DataFrame or a FeatureTable",
        )
    table = features.table if isinstance(features, FeatureTable) else features
    scaled = scaled_table(segmenter.preprocessor_, table, [str(name) for name in columns])
    names = segmenter.segments_["name"]
    return table.engine.sql(
        "SELECT customer_id, segment, CASE segment {names} END AS name FROM {nearest}",
        names=Fragment(
            " ".join(f"WHEN {segment} THEN {literal(str(name))}" for segment, name in names.items())
        ),
        nearest=nearest_center(scaled, segmenter.cluster_centers_),
    )
