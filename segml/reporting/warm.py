"""A process with the imports done, from which kernels are forked.

It reads requests and writes what becomes of each kernel, a line of JSON each, on the socket that
it is started with; when the socket closes, it ends its kernels and itself. It must stay a single
thread that has opened no database and run no parallel code: a fork takes over only the thread
that forks.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
from collections.abc import Iterable
from typing import Any, NoReturn

# What every kernel takes, and what every figure takes.
KERNEL = ("ipykernel.ipkernel", "ipykernel.kernelapp")
FIGURES = (
    "matplotlib.pyplot",
    "matplotlib.backends.backend_agg",
    "matplotlib.backends.backend_svg",
    "matplotlib_inline.backend_inline",
)


def main() -> None:
    """Serve until the runner is gone: ``python -m segml.reporting.warm SOCKET MODULES``."""
    runner = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the runner says when to stop
    prepare([*KERNEL, *json.loads(sys.argv[2])])
    if "segml.plots" in sys.modules:
        prepare(FIGURES)
    wake, waker = socket.socketpair()
    waker.setblocking(False)
    wake.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
    gc.collect()
    gc.freeze()  # so that a kernel's collector does not copy what it shares
    kernels: set[int] = set()
    with contextlib.suppress(OSError):  # the runner is gone
        _serve(runner, wake, kernels)
    for pid in kernels:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
    os._exit(0)  # nothing of it is to be kept; taking it apart takes time


def prepare(modules: Iterable[str]) -> None:
    """Import modules; ``package:name`` stands for a name that a package loads lazily.

    What cannot be imported is left to the notebook, which says so where it is needed.

    Examples
    --------
    >>> prepare(["json", "segml.kpis:kpi_table", "no.such.module"])
    """
    for module in modules:
        name, _, wanted = module.partition(":")
        with contextlib.suppress(Exception):
            loaded = importlib.import_module(name)
            if wanted:
                getattr(loaded, wanted)


def _serve(runner: socket.socket, wake: socket.socket, kernels: set[int]) -> None:
    buffer = b""
    while True:
        ready, _, _ = select.select([runner, wake], [], [])
        if wake in ready:
            wake.recv(4096)
            _reap(runner, kernels)
        if runner in ready:
            received = runner.recv(1 << 16)
            if not received:
                return
            *lines, buffer = (buffer + received).split(b"\n")
            for line in lines:
                request = json.loads(line)
                pid = os.fork()
                if pid == 0:
                    runner.close()
                    wake.close()
                    _kernel(request)
                kernels.add(pid)
                _say(runner, request=request["request"], pid=pid)


def _reap(runner: socket.socket, kernels: set[int]) -> None:
    while True:
        try:
            pid, status, usage = os.wait4(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        kernels.discard(pid)
        _say(runner, ended=pid, code=os.waitstatus_to_exitcode(status), peak=usage.ru_maxrss)


def _say(runner: socket.socket, **values: Any) -> None:
    runner.sendall(json.dumps(values).encode() + b"\n")


def _kernel(request: dict[str, Any]) -> NoReturn:
    """Become a kernel: a session, folder, environment and arguments of its own."""
    code = 1
    try:
        os.setsid()
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        gc.unfreeze()
        os.chdir(request["cwd"])
        os.environ.clear()
        os.environ.update(request["env"], JPY_PARENT_PID=str(os.getppid()))
        sys.argv = request["argv"]
        if not sys.flags.safe_path:
            del sys.path[0]  # where the runner was started; the kernel adds its own folder
        _draw_anew()
        from ipykernel.kernelapp import IPKernelApp

        IPKernelApp.launch_instance(argv=request["argv"][1:])
        code = 0
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else 1
    except BaseException:  # the fork must end here, and not go on as the parent
        sys.__excepthook__(*sys.exc_info())
    finally:
        with contextlib.suppress(BaseException):
            atexit._run_exitfuncs()
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)  # memory goes with the process; taking it apart takes time


def _draw_anew() -> None:
    """Seed NumPy's global generator as a new process would; Python's does so by itself."""
    if (numpy := sys.modules.get("numpy")) is not None:
        numpy.random.seed()


if __name__ == "__main__":
    main()
