"""Kernels that are forked from one warm process, or started as Jupyter does where that cannot be.

A kernel imports pandas, scikit-learn and the rest of the stack before it does anything: seconds
that each notebook would spend again. Forked from a process that has them, it starts in a fraction
of one; what one kernel changes, no other sees.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4

if TYPE_CHECKING:
    from jupyter_client.manager import AsyncKernelManager

CAN_FORK = hasattr(os, "fork") and sys.platform != "darwin"  # whose system libraries do not bear it


class Kernels:
    """What starts the kernels of one or several runs.

    Parameters
    ----------
    modules : iterable of str
        Modules to import beforehand; ``package:name`` stands for a name that it loads lazily.
    warm : bool
        Whether to fork kernels from a warm process. Without it, where the system cannot, or
        when that process dies, each is started on its own.

    Examples
    --------
    >>> with Kernels(warm=False) as kernels:
    ...     kernels.environment["PYTHONHASHSEED"]
    '0'
    """

    def __init__(self, modules: Iterable[str] = (), *, warm: bool = True) -> None:
        self._modules = list(modules)
        self._warm = warm and CAN_FORK
        self._parent: _Parent | None = None
        self._profile: tempfile.TemporaryDirectory[str] | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> Kernels:
        self._profile = tempfile.TemporaryDirectory(prefix="segml-", ignore_cleanup_errors=True)
        return self

    def __exit__(self, *_: object) -> None:
        if self._parent is not None:
            self._parent.close()
        if self._profile is not None:
            self._profile.cleanup()

    def start(self) -> None:
        """Start the warm process, unless it is there; kernels wait until it is ready."""
        with self._lock:
            if self._warm and self._parent is None:
                self._parent = _Parent(self._modules, self.environment)

    @property
    def environment(self) -> dict[str, str]:
        """Environment of a kernel: a fixed hash seed, an empty profile; runs depend on neither."""
        assert self._profile is not None
        return {
            **os.environ,
            "PYTHONHASHSEED": "0",
            "IPYTHONDIR": self._profile.name,
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",
            "NUMBA_THREADING_LAYER": "workqueue",  # OpenMP's threads do not survive a fork
        }

    def manager(self) -> AsyncKernelManager:
        """Return the manager of a kernel that is yet to be started."""
        import zmq
        from jupyter_client.manager import AsyncKernelManager

        manager = AsyncKernelManager(kernel_name="python3")
        if zmq.has("curve") and hasattr(manager, "transport_encryption"):
            manager.transport_encryption = "auto"  # what goes to and fro is customers' data
        if self._parent is not None and self._parent.alive:
            manager.provisioner = _provisioner(self._parent, manager)
        return manager


def kill(process: Any) -> None:
    """Kill a kernel and what it has started."""
    if process.poll() is None:
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)


class _Parent:
    """The warm process, as its runner sees it."""

    def __init__(self, modules: list[str], environment: Mapping[str, str]) -> None:
        ours, theirs = socket.socketpair()
        self._socket = ours
        self._send = threading.Lock()
        self._number = itertools.count()
        self._asked: dict[int, _Kernel] = {}
        self._kernels: dict[int, _Kernel] = {}
        with theirs:
            command = ["-m", "segml.reporting.warm", str(theirs.fileno()), json.dumps(modules)]
            self._process = subprocess.Popen(
                [sys.executable, *command],
                env={"MPLBACKEND": "module://matplotlib_inline.backend_inline", **environment},
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=sys.__stderr__ if _has_file(sys.__stderr__) else subprocess.DEVNULL,
                start_new_session=True,
            )
        self._reader = threading.Thread(target=self._listen, daemon=True)
        self._reader.start()

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def fork(self, argv: list[str], cwd: str, env: Mapping[str, str]) -> _Kernel | None:
        """Return a new kernel, None where there can be none."""
        number, kernel = next(self._number), _Kernel()
        self._asked[number] = kernel
        request = {"request": number, "argv": argv, "cwd": cwd, "env": dict(env)}
        try:
            with self._send:
                self._socket.sendall(json.dumps(request).encode() + b"\n")
        except OSError:
            return None
        kernel.born.wait()
        return kernel if kernel.pid else None

    def close(self) -> None:
        """End the warm process and the kernels that are left."""
        for kernel in list(self._kernels.values()):
            kill(kernel)
        self._process.kill()  # it may be in the middle of its imports
        self._process.wait()
        self._socket.shutdown(socket.SHUT_RDWR)
        self._reader.join()
        self._socket.close()

    def _listen(self) -> None:
        with contextlib.suppress(OSError), self._socket.makefile("rb") as lines:
            for line in lines:
                said = json.loads(line)
                if "request" in said:
                    kernel = self._asked.pop(said["request"])
                    kernel.pid = said["pid"]
                    self._kernels[kernel.pid] = kernel
                    kernel.born.set()
                else:
                    self._kernels.pop(said["ended"]).end(said["code"], said["peak"])
        for kernel in [*self._asked.values(), *self._kernels.values()]:
            kernel.end(-signal.SIGKILL)  # with their parent
            kernel.born.set()


class _Kernel:
    """A forked kernel: as much of ``subprocess.Popen`` as Jupyter asks of one."""

    stdin = stdout = stderr = None

    def __init__(self) -> None:
        self.pid = 0
        self.returncode: int | None = None
        self.peak_kb: int | None = None
        self.born = threading.Event()
        self._ended = threading.Event()

    def end(self, code: int, peak_kb: int | None = None) -> None:
        self.returncode, self.peak_kb = code, peak_kb
        self._ended.set()

    def poll(self) -> int | None:
        return self.returncode

    def wait(self, timeout: float | None = None) -> int | None:
        self._ended.wait(timeout)
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)


def _provisioner(parent: _Parent, manager: AsyncKernelManager) -> Any:
    """Return what starts and ends a forked kernel for Jupyter's kernel manager."""
    from jupyter_client.provisioning.local_provisioner import LocalProvisioner

    class ForkProvisioner(LocalProvisioner):
        async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
            launcher = cmd.index("ipykernel_launcher")
            kernel = parent.fork(
                cmd[launcher:], os.fspath(kwargs.get("cwd") or Path.cwd()), kwargs["env"]
            )
            if kernel is None:
                return await super().launch_kernel(cmd, **kwargs)
            self.process = cast("subprocess.Popen[bytes]", kernel)
            self.pid = self.pgid = kernel.pid
            self.cwd = kwargs.get("cwd")
            return self.connection_info

    return ForkProvisioner(kernel_spec=manager.kernel_spec, kernel_id=str(uuid4()), parent=manager)


def _has_file(stream: Any) -> bool:
    try:
        return stream.fileno() >= 0
    except (AttributeError, OSError, ValueError):
        return False
