"""host.py NAME KITER FOLDER TRUTH: a host in a known state, and what kiter says of it.

It runs in uts, network and pid namespaces of its own. TRUTH is JSON: whether a deleted program
runs here, whether somebody talks to ADDRESS, and the containers by directories of cgroups and number of
files. Writes FOLDER/TABLE.jsonl, and prints what the engines have to find out.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys

ADDRESS, PORT = "10.77.0.1", 5432
TABLES = ["tasks", "files", "sockets"]


def start_deleted(folder):
    """A program whose file is gone."""
    path = f"{folder}/miner"
    shutil.copy("/bin/sleep", path)
    # This returns when the child has executed it.
    process = subprocess.Popen([path, "1000"])
    os.unlink(path)
    return [process.pid]


def talk():
    """A connection to the address, both of whose ends are this process's."""
    listener = socket.create_server((ADDRESS, PORT))
    client = socket.create_connection((ADDRESS, PORT))
    server, _ = listener.accept()
    return [listener, client, server]


def start_container(groups, count):
    """A process in these cgroups that has so many files open."""
    ready, write = os.pipe()
    if os.fork() == 0:
        for group in groups:
            with open(f"{group}/cgroup.procs", "w") as file:
                file.write("0")
        os.closerange(0, write)
        held = [os.open("/dev/null", os.O_RDONLY) for _ in range(count - 1)]
        os.write(write, b"!")
        signal.pause()
        del held
    os.close(write)
    os.read(ready, 1)


def collect(kiter, folder, from_snapshot):
    """The tables as JSON Lines: of the kernel, or of a snapshot that is read elsewhere."""
    source = []
    if from_snapshot:
        subprocess.run([kiter, "snapshot", "-o", f"{folder}/host.kiter", *TABLES], check=True)
        source = ["--from", f"{folder}/host.kiter"]
        socket.sethostname("another-name")
    for table in TABLES:
        with open(f"{folder}/{table}.jsonl", "w") as file:
            command = [kiter, table, "-c", "all", "--stamp", "-o", "jsonl", *source]
            subprocess.run(command, stdout=file, check=True)


def main():
    name, kiter, folder, truth = sys.argv[1:]
    truth = json.loads(truth)
    socket.sethostname(name)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    subprocess.run(["ip", "address", "add", f"{ADDRESS}/32", "dev", "lo"], check=True)
    deleted = start_deleted(folder) if truth["deleted"] else []
    connection = talk() if truth["talks"] else []
    for container in truth["containers"]:
        start_container(container["groups"], container["files"])
    collect(kiter, folder, truth["snapshot"])
    client = [[os.getpid(), connection[1].getsockname()[1]]] if connection else []
    print(json.dumps({"deleted": deleted, "clients": client}))


main()
