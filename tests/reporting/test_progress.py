import io
import threading

import pytest

from segml.reporting.manifest import NotebookRun
from segml.reporting.progress import BarProgress, LineProgress, outcome, progress_for


class Terminal(io.StringIO):
    def isatty(self):
        return True


def cells(*statuses):
    return tuple({"cell": i, "status": s, "seconds": None} for i, s in enumerate(statuses, 1))


@pytest.mark.parametrize(
    ("notebook", "expected"),
    [
        (NotebookRun("a", "completed", 0.04), "completed after 0.0 s"),
        (NotebookRun("a", "timed out", 60.0, {"cell": 3}), "timed out after 60.0 s, in cell 3"),
        (NotebookRun("a", "killed", 1.0, {"cell": None}), "killed after 1.0 s"),
        (NotebookRun("a", "not run"), "not run"),
    ],
)
def test_outcome(notebook, expected):
    assert outcome(notebook) == expected


def test_log_has_a_line_for_each_step_and_no_control_characters():
    stream = io.StringIO()
    with progress_for(stream) as progress:
        assert isinstance(progress, LineProgress)
        progress(1, 2, NotebookRun("a", "running", attempts=1))
        progress(2, 2, NotebookRun("b", "running", attempts=2))
        progress(1, 2, NotebookRun("a", "failed", 1.23, {"cell": 4}))
        progress(2, 2, NotebookRun("b", "reused", reused_from="x"))
    assert stream.getvalue() == (
        "[1/2] a: started\n"
        "[2/2] b: started again, 2\n"
        "[1/2] a: failed after 1.2 s, in cell 4\n"
        "[2/2] b: unchanged, taken from run x\n"
    )


def test_terminal_shows_cells_and_keeps_a_line_for_each_notebook():
    stream = Terminal()
    with progress_for(stream) as progress:
        assert isinstance(progress, BarProgress)
        running = NotebookRun("a[b]", "running", attempts=1, cells=cells("completed", "running"))
        progress(1, 2, running)
        progress.cell(running)
        assert progress._bar.tasks[0].fields["at"] == "cell 2 of 2"
        assert progress._bar.tasks[0].completed == 1
        progress(2, 2, NotebookRun("c", "running", attempts=1))
        assert len(progress._bar.tasks) == 2
        progress(1, 2, NotebookRun("a[b]", "completed", 2.0))
        progress(2, 2, NotebookRun("c", "timed out", 3.0))
        assert not progress._bar.tasks
    written = stream.getvalue()
    assert "[1/2] a[b]: completed after 2.0 s" in written
    assert "[2/2] c: timed out after 3.0 s" in written


def test_display_bears_several_threads():
    stream = Terminal()
    with progress_for(stream) as progress:

        def work(i):
            progress(i, 20, NotebookRun(f"n{i}", "running", attempts=1))
            progress.cell(NotebookRun(f"n{i}", "running", cells=cells("running")))
            progress(i, 20, NotebookRun(f"n{i}", "completed", 1.0))

        threads = [threading.Thread(target=work, args=(i,)) for i in range(1, 21)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert all(f"n{i}: completed" in stream.getvalue() for i in range(1, 21))
