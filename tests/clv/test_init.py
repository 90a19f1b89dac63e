import segml.clv


def test_public_names_resolve():
    for name in segml.clv.__all__:
        assert getattr(segml.clv, name).__name__ == name
    assert set(segml.clv.__all__) <= set(dir(segml.clv))
