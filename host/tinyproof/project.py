"""Which project a command works on: firmware, ``platformio.ini``, fixtures; and its state."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tinyproof.errors import ToolchainError, UsageError
from tinyproof.storage import make_folder, storage_errors

PACKAGE = Path(__file__).resolve().parent
CONTENTS = ("firmware", "fixtures", "platformio.ini")
"""What makes up a project; the wheel carries the same under ``_project``."""

_GITIGNORE = "/.tinyproof/\n/.pio/\n/firmware/include/model.h\n"


@dataclass(frozen=True)
class Project:
    """A folder with TinyProof's firmware in it.

    Attributes:
        root: the folder of ``platformio.ini``, absolute.
        state: where builds, locks and caches of this project go; writable, made when needed.
    """

    root: Path
    state: Path

    @property
    def firmware(self) -> Path:
        """The firmware's sources and targets."""
        return self.root / "firmware"

    @property
    def fixtures(self) -> Path:
        """Samples, trained models and golden answers."""
        return self.root / "fixtures"

    @property
    def platformio_ini(self) -> Path:
        """The common part of PlatformIO's configuration."""
        return self.root / "platformio.ini"


def find_project(start: Path | None = None) -> Project:
    """Find the project to work on.

    The nearest folder upward from ``start`` (default: the current folder) that is a project, else
    the checkout that this package lives in, else the copy inside the installed package.

    Raises:
        ToolchainError: the installation carries no project.
    """
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents, PACKAGE.parents[1]):
        if _is_project(folder):
            return Project(folder, folder / ".tinyproof")
    installed = PACKAGE / "_project"
    if _is_project(installed):
        return Project(installed, _user_state(installed))
    raise ToolchainError(
        "This installation of tinyproof carries no firmware.",
        hint="Install it again: pip install --force-reinstall tinyproof",
    )


def project_at(folder: Path) -> Project | None:
    """Return the project whose root is ``folder`` itself; None if that is none."""
    folder = folder.resolve()
    if not _is_project(folder):
        return None
    inside = folder.is_relative_to(PACKAGE)
    return Project(folder, _user_state(folder) if inside else folder / ".tinyproof")


def _is_project(folder: Path) -> bool:
    return (folder / "platformio.ini").is_file() and (folder / "firmware" / "targets").is_dir()


def _user_state(root: Path) -> Path:
    """Return the state folder for a project that cannot hold its own: site-packages, say."""
    import platformdirs

    name = hashlib.sha256(str(root).encode()).hexdigest()[:12]
    return platformdirs.user_cache_path("tinyproof") / "projects" / name


def init_project(dest: Path, *, source: Project | None = None) -> Project:
    """Lay out a project of one's own in ``dest``, which must be absent or empty.

    An interruption leaves nothing behind in ``dest``.

    Raises:
        UsageError: ``dest`` holds something.
        StorageError: it cannot be written.
    """
    dest = dest.absolute()
    _check_empty(dest)
    origin = (source or _origin()).root
    make_folder(dest.parent)
    with storage_errors(dest):
        fresh = Path(tempfile.mkdtemp(prefix=f".{dest.name}.", dir=dest.parent))
        try:
            _copy(origin, fresh)
            _move_in(fresh, dest)
        except BaseException:
            shutil.rmtree(fresh, ignore_errors=True)
            raise
    return Project(dest.resolve(), dest.resolve() / ".tinyproof")


def _move_in(fresh: Path, dest: Path) -> None:
    """Give ``fresh`` the name ``dest``, or fill ``dest`` if it exists: a shell may be in it."""
    if not dest.is_dir():
        fresh.chmod(0o755)
        fresh.replace(dest)
        return
    # What makes a folder a project comes last, so that a part of one is none.
    for entry in sorted(fresh.iterdir(), key=lambda path: path.name == "platformio.ini"):
        entry.replace(dest / entry.name)
    fresh.rmdir()


def _origin() -> Project:
    """Return the project that came with this package, never one around the current folder."""
    return find_project(PACKAGE)


def _check_empty(dest: Path) -> None:
    if dest.is_dir():
        with storage_errors(dest):
            occupied = any(dest.iterdir())
    else:
        occupied = dest.exists()
    if occupied:
        raise UsageError(
            f"{dest} is not an empty folder.", hint="Name a folder that does not exist yet."
        )


def _copy(origin: Path, fresh: Path) -> None:
    def unwanted(folder: str, names: list[str]) -> set[str]:
        hidden = {name for name in names if name.startswith(".") or name == "__pycache__"}
        # The model.h of somebody's manual build; golden ones elsewhere belong to the project.
        return hidden | ({"model.h"} if Path(folder) == origin / "firmware" / "include" else set())

    for name in CONTENTS:
        if (origin / name).is_dir():
            shutil.copytree(origin / name, fresh / name, ignore=unwanted)
        elif (origin / name).exists():
            shutil.copy2(origin / name, fresh / name)
    (fresh / ".gitignore").write_text(_GITIGNORE)
