"""Forks LiteLLM proxies from one process that has imported the program.

Importing it takes ten times the processor time that a proxy then needs until it
is ready, and a run of the tests starts eight. Called with the path of a socket.

Who connects sends one line of JSON: {"run": [PID, START]}, or with "args",
"env", "dir" and "log" beside it, which is answered with the number of a new
proxy's process. A connection that ends, however its owner ended, ends its
proxy, and the end of the proxy ends the connection. This process ends when
nobody is connected and none of the runs that used it goes on.
"""
import ctypes, gc, json, os, selectors, signal, socket, sys, tempfile, time

import litellm.proxy.proxy_server  # noqa: F401  what run_server would import
from litellm import run_server

IDLE = 600  # seconds without a connection, whatever becomes of the runs
PR_SET_PDEATHSIG = 1


def started(pid):
    """When a process was started, or "" if it is none."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rpartition(")")[2].split()[19]
    except OSError:
        return ""


class Server:
    def __init__(self, path):
        self.path, self.runs, self.selector = path, set(), selectors.DefaultSelector()
        self.used = False  # who started this process has yet to connect
        self.proxies = {}  # connection to process, None = none was asked for
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path + ".new")
        self.listener.listen(64)
        self.listener.setblocking(False)
        os.rename(path + ".new", path)
        self.selector.register(self.listener, selectors.EVENT_READ, self.accept)

    def serve(self):
        idle = time.monotonic()
        while True:
            for key, _ in self.selector.select(timeout=0.5):
                if key.fileobj in self.selector.get_map():  # else an event before this one closed it
                    key.data(key.fileobj)
            if self.proxies:
                idle = time.monotonic()
                continue
            on = not self.used or any(started(pid) == start for pid, start in self.runs)
            if on and time.monotonic() - idle < IDLE:
                continue
            if os.path.exists(self.path):
                os.unlink(self.path)  # nobody connects from here on; who has is served
            else:
                return

    def accept(self, listener):
        connection, _ = listener.accept()
        self.used = True
        request = json.loads(connection.makefile().readline() or "{}")
        if request.get("run"):
            self.runs.add(tuple(request["run"]))
        self.proxies[connection] = None
        self.selector.register(connection, selectors.EVENT_READ, self.hung_up)
        if "args" in request:
            self.fork(connection, request)

    def fork(self, connection, request):
        pid = os.fork()
        if pid == 0:
            self.child(request)
        os.setpgid(pid, pid)
        self.proxies[connection] = pid
        end = os.pidfd_open(pid)
        self.selector.register(end, selectors.EVENT_READ, lambda end: self.ended(end, connection))
        connection.sendall(f"{pid}\n".encode())

    def child(self, request):
        try:
            for key in list(self.selector.get_map().values()):
                os.close(key.fd)
            self.selector.close()
            os.setpgid(0, 0)
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            log = os.open(request["log"], os.O_WRONLY | os.O_APPEND)
            os.dup2(log, 1)
            os.dup2(log, 2)
            os.chdir(request["dir"])
            os.environ.clear()
            os.environ.update(v.split("=", 1) for v in request["env"])
            tempfile.tempdir = None
            sys.argv = ["litellm", *request["args"]]
            run_server()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(1)  # a proxy that returns has failed

    def hung_up(self, connection):
        pid = self.proxies[connection]
        if pid is None:
            self.forget(connection)
            return
        self.selector.unregister(connection)  # its end is what is waited for
        os.killpg(pid, signal.SIGKILL)

    def ended(self, end, connection):
        self.selector.unregister(end)
        os.close(end)
        pid = self.proxies[connection]
        try:
            os.killpg(pid, signal.SIGKILL)  # what it started
        except ProcessLookupError:
            pass
        os.waitpid(pid, 0)
        self.forget(connection)

    def forget(self, connection):
        if connection in self.selector.get_map():
            self.selector.unregister(connection)
        del self.proxies[connection]
        connection.close()


gc.freeze()  # what was imported stays shared
Server(sys.argv[1]).serve()
