"""The features that come with segml, one file per subject; to add one, add an entry."""

from . import attitudes, baskets, channels, devices, people, responses, rhythm, value

_FILES = (value, rhythm, baskets, channels, responses, people, devices, attitudes)
FEATURES = tuple(feature for file in _FILES for feature in file.FEATURES)
SOURCES = tuple(source for file in _FILES for source in getattr(file, "SOURCES", ()))

__all__ = ["FEATURES", "SOURCES"]
