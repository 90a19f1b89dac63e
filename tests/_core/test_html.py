import re
from html.parser import HTMLParser

import pytest

from segml._core import html

HOSTILE = "<script>alert(\"1\")</script> & 'x'"
ESCAPED = "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; &#x27;x&#x27;"


class Tags(HTMLParser):
    """Collects the tags, and checks that they close in order."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag, attrs) -> None:
        self.seen.append(tag)
        self.open.append(tag)

    def handle_endtag(self, tag) -> None:
        assert self.open.pop() == tag


def tags(text: str) -> list[str]:
    parser = Tags()
    parser.feed(text)
    assert parser.open == []
    return parser.seen


@pytest.mark.parametrize(
    "made",
    [
        html.table([HOSTILE, "n"], [["a", "1"]]),
        html.table(["a", "n"], [[HOSTILE, "1"]]),
        html.table(["a", "n"], [["a", HOSTILE]]),
        html.table(["a", "n"], [["a", html.Cell("b", HOSTILE)]]),
        html.table(["a", "n"], [["a", "b"]], caption=HOSTILE),
        html.table(["a", "n"], [html.Group(HOSTILE), ["a", "b"]]),
        html.table(["a", "n"], [["a", html.Cell("b", mark=(HOSTILE, "words"))]]),
        html.table(["a", "n"], [["a", html.Cell("b", mark=("x", HOSTILE))]]),
        html.facts([(HOSTILE, "1", "")]),
        html.facts([("a", HOSTILE, "")]),
        html.facts([("a", "1", HOSTILE)]),
        html.note(HOSTILE),
    ],
)
def test_hostile_text_is_escaped_wherever_it_comes_in(made: str) -> None:
    assert ESCAPED in made
    assert "script" not in tags(made)


def test_a_colour_cannot_break_out_of_its_attribute() -> None:
    made = html.Cell("a", color='red"><script>').html()
    assert tags(made) == ["span"]
    assert "&quot;&gt;&lt;script&gt;" in made


def test_a_cell_shows_swatch_text_and_detail() -> None:
    assert html.Cell("8%", "7% to 9%", "#0072b2").html() == (
        '<span class="swatch" style="background:#0072b2"></span>8%<small>7% to 9%</small>'
    )
    assert html.Cell("8%").html() == "8%"


def test_a_table_heads_its_rows_and_columns() -> None:
    made = html.table(["segment", "n"], [["a", "1"], ["b", "2"]], caption="Sizes", numeric=[1])
    assert re.search("<caption>(<span>)?Sizes<", made)
    assert re.findall(r'<th scope="col"( class="num")?>(\w+)</th>', made) == [
        ("", "segment"),
        (' class="num"', "n"),
    ]
    assert '<tr><th scope="row">b</th><td class="num">2</td></tr>' in made
    assert tags(made).count("tr") == 3


def test_a_table_without_rows_or_caption() -> None:
    made = html.table(["a"], [])
    assert "<tbody></tbody>" in made
    assert "caption" not in made


def test_facts() -> None:
    made = html.facts([("customers", "2,357", ""), ("revenue", "$1.00", "a year")])
    assert "<dt>customers</dt><dd>2,357</dd>" in made
    assert "<dd>$1.00<small>a year</small></dd>" in made


def test_a_block_brings_its_style_and_scopes_it() -> None:
    made = html.block("<p>a</p>", "<p>b</p>")
    assert made.startswith("<style data-segml>")
    assert made.endswith('<div class="segml"><p>a</p><p>b</p></div>')
    rules = re.findall(r"^(\.[^{]+)\{", html.STYLE, flags=re.MULTILINE)
    assert len(rules) >= 10
    for selector in ",".join(rules).split(","):
        assert selector.startswith(".segml")


def test_a_mark_is_said_in_words():
    assert html.Cell("8%", mark=("▲", "higher: better")).html() == (
        '<span class="mark" role="img" aria-label="higher: better" title="higher: better">'
        "▲</span>8%"
    )


@pytest.mark.parametrize(
    ("bar", "width"), [(0, "0%"), (0.256, "26%"), (1, "100%"), (1.7, "100%"), (-1, "0%")]
)
def test_a_bar_is_as_long_as_it_says_and_never_longer_than_the_cell(bar, width):
    made = html.Cell("8%", "7% to 9%", bar=bar).html()
    assert made.endswith(f'</small><span class="bar"><i style="width:{width}"></i></span>')
    assert "bar" not in html.Cell("8%").html()


def test_a_group_heads_all_columns():
    made = html.table(["a", "b", "c"], [html.Group("Size"), ["x", "1", "2"]])
    head = '<tr class="group"><th scope="rowgroup" colspan="3"><span>Size</span></th></tr>'
    assert f'<tbody>{head}<tr><th scope="row">x</th>' in made
    assert tags(made).count("tr") == 3


def test_only_a_tall_table_scrolls_by_itself():
    assert html.table(["a"], [["x"]], tall=True).startswith('<div class="scroll tall"')
    assert html.table(["a"], [["x"]]).startswith('<div class="scroll"')
    # On paper all rows are printed.
    before, _, after = html.STYLE.partition("@media screen{")
    assert ".tall" not in before
    assert ".tall{max-height" in after
