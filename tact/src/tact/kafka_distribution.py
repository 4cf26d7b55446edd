"""Apache Kafka's jars for a local broker: found in the checkout's .kafka/, or fetched there by Maven once."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

_OLDEST_JAVA = 17
_FETCH_TIMEOUT_S = 900
#: Holds the digest of the pom the jars were fetched for; written last.
_MARKER = "fetched-for"


def find_kafka() -> Path | str:
    """The folder of Kafka's jars, or a sentence that says why there is none.

    TACT_KAFKA_LIBS names a folder; else the jars of dev/kafka/pom.xml are fetched into `.kafka/libs` of the
    checkout, which a marker makes instant the next time.
    """
    if reason := _no_java():
        return reason
    if given := os.environ.get("TACT_KAFKA_LIBS"):
        folder = Path(given)
        return folder if any(folder.glob("kafka_*.jar")) else f"TACT_KAFKA_LIBS: no Kafka jars in {folder}"
    checkout = _checkout()
    if checkout is None:
        return "Kafka's jars are fetched in a checkout of the source only; else set TACT_KAFKA_LIBS to them"
    return _fetched(checkout / "dev" / "kafka" / "pom.xml", checkout / ".kafka")


def java_program() -> str | None:
    """The `java` of JAVA_HOME, else of PATH."""
    if home := os.environ.get("JAVA_HOME"):
        found = shutil.which("java", path=str(Path(home, "bin")))
        if found:
            return found
    return shutil.which("java")


def _no_java() -> str | None:
    java = java_program()
    if java is None:
        return f"Kafka needs Java {_OLDEST_JAVA} or newer, and there is no `java`"
    asked = subprocess.run([java, "-version"], capture_output=True, text=True, check=False)
    version = re.search(r'version "(\d+)', asked.stderr + asked.stdout)
    if version is None:
        return f"`{java} -version` does not tell its version"
    if int(version.group(1)) < _OLDEST_JAVA:
        return f"Kafka needs Java {_OLDEST_JAVA} or newer, and {java} is Java {version.group(1)}"
    return None


def _checkout() -> Path | None:
    places = [*Path.cwd().parents, *Path(__file__).resolve().parents]
    return next((place for place in (Path.cwd(), *places) if (place / "dev/kafka/pom.xml").is_file()), None)


def _fetched(pom: Path, target: Path) -> Path | str:
    libs = target / "libs"
    wanted = hashlib.sha256(pom.read_bytes()).hexdigest()
    target.mkdir(exist_ok=True)
    with (target / "lock").open("w") as lock:
        # Two test runs may want the jars at once; the second finds them fetched.
        fcntl.flock(lock, fcntl.LOCK_EX)
        marker = libs / _MARKER
        if marker.is_file() and marker.read_text() == wanted:
            return libs
        unfinished = target / "libs.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        if reason := _copy_dependencies(pom, unfinished):
            return reason
        (unfinished / _MARKER).write_text(wanted)
        shutil.rmtree(libs, ignore_errors=True)
        unfinished.rename(libs)
    return libs


def _copy_dependencies(pom: Path, folder: Path) -> str | None:
    maven = shutil.which("mvn")
    if maven is None:
        return "Kafka's jars are fetched with Maven, and there is no `mvn`"
    command = [maven, "--batch-mode", "--quiet", "--strict-checksums", "-Dstyle.color=never"]
    command += ["--file", str(pom), "dependency:copy-dependencies"]
    command += ["-DincludeScope=runtime", f"-DoutputDirectory={folder}"]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=_FETCH_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        return f"Maven did not fetch Kafka's jars within {_FETCH_TIMEOUT_S} s"
    if done.returncode != 0 or not any(folder.glob("kafka_*.jar")):
        errors = [line for line in done.stdout.splitlines() if "[ERROR]" in line] or ["no reason given"]
        reason = errors[0].replace("[ERROR]", "").strip()
        return f"Maven could not fetch Kafka's jars; does it reach a repository? It says: {reason}"
    return None
