"""Fetches an official Go toolchain as Go itself would (GOTOOLCHAIN), for machines that have no Go to do it.

Usage: fetch-go.py PROXY VERSION ARCH HASH TARGET

The toolchain is a module on the Go module proxy. HASH is the module's checksum as sum.golang.org records it
(`h1:…`): it covers names and contents of all files, so it is compared after download and before anything is used.
TARGET appears complete or not at all.
"""

import base64
import hashlib
import os
import shutil
import sys
import tempfile
import urllib.request
import zipfile

EXECUTABLE_FOLDERS = ("bin/", "pkg/tool/")


def module_hash(archive: zipfile.ZipFile) -> str:
    """The checksum that Go calls h1: the SHA-256 of a sorted list of every file's SHA-256 and name."""
    summary = hashlib.sha256()
    for name in sorted(archive.namelist()):
        with archive.open(name) as file:
            digest = hashlib.file_digest(file, "sha256") if hasattr(hashlib, "file_digest") else digest_of(file)
        summary.update(f"{digest.hexdigest()}  {name}\n".encode())
    return "h1:" + base64.b64encode(summary.digest()).decode()


def digest_of(file) -> "hashlib._Hash":
    """hashlib.file_digest for Python before 3.11."""
    digest = hashlib.sha256()
    while chunk := file.read(1 << 20):
        digest.update(chunk)
    return digest


def extract(archive: zipfile.ZipFile, folder: str) -> None:
    """Unpacks as the go command does: programs become executable, and go.mod files get their names back."""
    for name in archive.namelist():
        path = name.split("/", 2)[2]  # golang.org/toolchain@VERSION/…
        parent, base = os.path.split(path)
        target = os.path.join(folder, parent, "go.mod" if base == "_go.mod" else base)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with archive.open(name) as source, open(target, "wb") as sink:
            shutil.copyfileobj(source, sink)
        if path.startswith(EXECUTABLE_FOLDERS):
            os.chmod(target, 0o755)


def main() -> None:
    proxy, version, arch, wanted, target = sys.argv[1:]
    url = f"{proxy}/golang.org/toolchain/@v/v0.0.1-go{version}.linux-{arch}.zip"
    scratch = tempfile.mkdtemp(prefix=".go-", dir=os.path.dirname(target))
    try:
        path = os.path.join(scratch, "toolchain.zip")
        with urllib.request.urlopen(url) as response, open(path, "wb") as sink:
            shutil.copyfileobj(response, sink)
        with zipfile.ZipFile(path) as archive:
            found = module_hash(archive)
            if found != wanted:
                sys.exit(f"{url} is not the pinned toolchain: its checksum is {found} instead of {wanted}")
            extract(archive, os.path.join(scratch, "go"))
        shutil.rmtree(target, ignore_errors=True)
        os.rename(os.path.join(scratch, "go"), target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    main()
