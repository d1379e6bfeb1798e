"""Gives up what student code must not have, then becomes the command that runs it.

    python confine.py POLICY COMMAND…     POLICY is JSON, as made by assignments.sandbox
    python confine.py POLICY              says as JSON which walls this kernel could build

Python's standard library only, and nothing here needs root.
"""

import ctypes
import json
import os
import resource
import sys

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # the same on every architecture
EXECUTE, WRITE, READ, LIST = 1, 2, 4, 8
TRUNCATE, IOCTL = 1 << 14, 1 << 15
OF_FILES = EXECUTE | WRITE | READ | TRUNCATE | IOCTL
PR_SET_NO_NEW_PRIVS = 38
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000


class Ruleset(ctypes.Structure):
    """``struct landlock_ruleset_attr``."""

    _fields_ = (("files", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class Beneath(ctypes.Structure):
    """``struct landlock_path_beneath_attr``."""

    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (("allowed", ctypes.c_uint64), ("folder", ctypes.c_int32))


def limit(policy: dict) -> None:
    """Memory, processes, size of a file, processor time; children inherit them."""
    chosen = {
        resource.RLIMIT_DATA: policy["memory"],
        resource.RLIMIT_FSIZE: policy["file_size"],
        resource.RLIMIT_NPROC: policy["processes"],
        resource.RLIMIT_CPU: policy["cpu_seconds"],
        resource.RLIMIT_NOFILE: 512,
        resource.RLIMIT_CORE: 0,
    }
    for which, most in chosen.items():
        hard = resource.getrlimit(which)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(which, (most, most))
    try:  # if the machine runs out of memory all the same, this process goes first
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("1000")
    except OSError:
        pass


def leave_network(libc: ctypes.CDLL) -> bool:
    """A network namespace with nothing in it, where users may make one."""
    trial = os.fork()  # half of it would be worse than nothing
    if not trial:
        os._exit(not _leave(libc))
    if os.waitpid(trial, 0)[1]:
        return False
    return _leave(libc)


def _leave(libc: ctypes.CDLL) -> bool:
    user, group = os.getuid(), os.getgid()
    if libc.unshare(CLONE_NEWUSER | CLONE_NEWNET):
        return False
    try:
        for name, line in (
            ("setgroups", "deny"),
            ("gid_map", f"1000 {group} 1"),
            ("uid_map", f"1000 {user} 1"),
        ):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(line)
    except OSError:
        return False
    return True


def landlock(libc: ctypes.CDLL, policy: dict) -> int:
    """Hide every file that the policy does not name. Returns the version; 0 where there is none."""
    version = libc.syscall(CREATE_RULESET, None, 0, 1)
    if version < 1:
        return 0
    rights = (1 << (13 if version < 2 else 14 if version < 3 else 15 if version < 5 else 16)) - 1
    rules = Ruleset(rights, 3 if version >= 4 else 0, 3 if version >= 6 else 0)
    size = 8 if version < 4 else 16 if version < 6 else 24
    ruleset = libc.syscall(CREATE_RULESET, ctypes.byref(rules), size, 0)
    if ruleset < 0:
        return 0
    everything = rights & ~IOCTL
    for allowed, paths in (
        (READ | LIST | EXECUTE, policy["read"]),
        (everything, policy["write"]),
    ):
        for path in paths:
            _allow(libc, ruleset, path, allowed & rights)
    restricted = libc.syscall(RESTRICT_SELF, ruleset, 0) == 0
    os.close(ruleset)
    return version if restricted else 0


def _allow(libc: ctypes.CDLL, ruleset: int, path: str, rights: int) -> None:
    try:
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    if not os.path.isdir(path):
        rights &= OF_FILES
    rule = Beneath(rights, handle)
    libc.syscall(ADD_RULE, ruleset, 1, ctypes.byref(rule), 0)
    os.close(handle)


def confine(policy: dict) -> dict:
    """Build every wall that this kernel can build, and say which stand."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    root = os.getuid() == 0  # the kernel counts no processes of root
    alone = version = 0
    if sys.platform == "linux":
        libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        alone = leave_network(libc)
        version = landlock(libc, policy)
    limit(policy)
    network = "none" if alone else "no TCP" if version >= 4 else "open"
    return {"landlock": version, "network": network, "counts_processes": not root}


if __name__ == "__main__":
    walls = confine(json.loads(sys.argv[1]))
    if len(sys.argv) > 2:
        os.execv(sys.argv[2], sys.argv[2:])
    print(json.dumps(walls))
