from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import nbformat
import pytest

from segml.reporting.execute import NotebookError, execute
from segml.reporting.kernels import CAN_FORK, Kernels
from segml.reporting.warm import prepare
from segml.reporting.watch import Watch

from .conftest import notebook

needs_fork = pytest.mark.skipif(not CAN_FORK, reason="kernels are not forked here")


@pytest.fixture(scope="module", params=["warm", "cold"])
def kernels(request):
    with Kernels(["string"], warm=request.param == "warm") as made:
        made.start()
        yield made


def outputs(folder: Path, kernels: Kernels, *cells: str) -> list[str]:
    source = notebook(folder / "a.ipynb", *(f"\n{cell}" for cell in cells))
    target = folder / "b.ipynb"
    execute(source, target, {"params": {}, "run_dir": ".."}, Watch(kernels, folder=str(folder)))
    executed = nbformat.read(target, as_version=4)
    return [
        output.get("text") or output["data"]["text/plain"]
        for cell in executed.cells
        if cell.cell_type == "code"
        for output in cell.outputs
    ]


def test_kernels_see_a_fixed_environment_and_their_folder(kernels, tmp_path):
    code = "import os, sys; (os.getcwd(), os.environ['PYTHONHASHSEED'], hash('a'), sys.path)"
    (found,) = outputs(tmp_path, kernels, code)
    cwd, seed, fixed, path = eval(found)
    assert (cwd, seed) == (os.path.realpath(tmp_path), "0")
    assert "" in path  # modules beside the notebook are found
    assert outputs(tmp_path, kernels, "hash('a')") == [str(fixed)]
    assert os.environ.get("PYTHONHASHSEED") != "0"


def test_nothing_is_shared_between_kernels(kernels, tmp_path):
    change = "import string, os; string.digits = 'changed'; os.environ['X_SEGML'] = '1'; x = 1"
    assert outputs(tmp_path, kernels, change, "string.digits") == ["'changed'"]
    look = "import string, os; ('x' in globals(), string.digits, os.environ.get('X_SEGML'))"
    assert outputs(tmp_path, kernels, look) == ["(False, '0123456789', None)"]


def test_random_numbers_differ_between_kernels(kernels, tmp_path):
    draw = "import numpy, random; (float(numpy.random.rand()), random.random())"
    first, second = outputs(tmp_path, kernels, draw), outputs(tmp_path, kernels, draw)
    assert eval(first[0])[0] != eval(second[0])[0]
    assert eval(first[0])[1] != eval(second[0])[1]


def test_parallel_code_runs_in_a_kernel(kernels, tmp_path):
    code = (
        "import numpy as np, duckdb\n"
        "from sklearn.cluster import KMeans\n"
        "X = np.random.default_rng(0).normal(size=(20000, 4))\n"
        "n = len(set(KMeans(3, n_init=2, random_state=0).fit(X).labels_.tolist()))\n"
        "(n, duckdb.sql('SELECT sum(i) FROM range(1000000) AS t (i)').fetchall()[0][0])"
    )
    assert outputs(tmp_path, kernels, code) == ["(3, 499999500000)"]


def test_what_a_kernel_prints_is_kept(kernels, tmp_path):
    assert outputs(tmp_path, kernels, "print('one'); print('two')") == ["one\ntwo\n"]


@needs_fork
def test_forked_kernel_has_the_imports_done(tmp_path):
    # A module that no kernel imports by itself.
    assert "wave" not in sys.modules
    look = "import sys; 'wave' in sys.modules"
    with Kernels(["wave"]) as warm:
        warm.start()
        assert outputs(tmp_path, warm, look) == ["True"]
        assert outputs(tmp_path, warm, "import os; os.getppid()") == [
            str(warm._parent._process.pid)
        ]
    with Kernels(["wave"], warm=False) as cold:
        assert outputs(tmp_path, cold, look) == ["False"]


@needs_fork
def test_kernels_start_by_themselves_when_the_warm_process_is_gone(tmp_path):
    with Kernels() as kernels:
        kernels.start()
        os.kill(kernels._parent._process.pid, signal.SIGKILL)
        assert outputs(tmp_path, kernels, "1 + 1") == ["2"]
        kernels._parent._process.wait()
        assert outputs(tmp_path, kernels, "1 + 1") == ["2"]


def test_peak_memory_of_a_kernel_is_measured(kernels, tmp_path):
    source = notebook(tmp_path / "a.ipynb", "\nx = bytearray(200 * 2**20); del x")
    watch = Watch(kernels, folder=str(tmp_path))
    execute(source, tmp_path / "b.ipynb", {"params": {}}, watch)
    assert 220 < watch.peak_mb < 900


def test_cell_that_raises_says_where(kernels, tmp_path):
    source = notebook(tmp_path / "a.ipynb", "# A", "\n1", "\nint('x')", "\n2")
    with pytest.raises(NotebookError) as caught:
        execute(source, tmp_path / "b.ipynb", {"params": {}}, Watch(kernels, folder=str(tmp_path)))
    error = caught.value
    assert (error.kind, error.cell, error.of, error.status) == ("ValueError", 4, 5, "failed")
    assert "int('x')" in error.traceback


def test_modules_that_cannot_be_imported_are_left_to_the_notebook():
    prepare(["no.such.module", "segml.plots:no_such_name", "wsgiref.util"])
    assert "wsgiref.util" in sys.modules


def test_kernels_are_gone_in_the_end(tmp_path):
    if not Path("/proc").exists():
        pytest.skip("processes are not files here")
    with Kernels() as kernels:
        kernels.start()
        (pid,) = outputs(tmp_path, kernels, "import os; os.getpid()")
    time.sleep(0.1)
    assert not Path(f"/proc/{pid}").exists()
