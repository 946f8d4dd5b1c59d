"""The shape of the house: who may import whom, what the merge may touch, and what the packages show."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

MAY_IMPORT = {
    "schemas": {"schemas"},
    "bus": {"bus", "schemas"},
    "producers": {"producers", "bus", "schemas"},
    "consumers": {"consumers", "bus", "schemas"},
    "ntsg": {"ntsg", "consumers", "producers", "bus", "schemas"},
}
"""The arrows: to the right only, and never between producers and consumers."""

MERGE = "consumers.merge"
MERGE_MAY_IMPORT = {
    "__future__", "abc", "bisect", "collections", "dataclasses", "datetime", "decimal", "difflib", "enum", "functools",
    "hashlib", "heapq", "importlib.resources", "itertools", "json", "math", "operator", "re", "struct", "tomllib",
    "types", "typing", "unicodedata", "pydantic", "pydantic_core",
    "bus.envelope", "bus.errors", "bus.geography", "bus.instants", "bus.messages", "bus.references", "bus.registry",
    "bus.topics", "bus.vocabulary", "consumers.merge",
}  # fmt: skip
"""No I/O, no clock, no chance, no async, no logging, no Kafka: only what computes. (`importlib.resources` reads the
rules that ship with the package.)"""
MERGE_MAY_NOT_CALL = {"open", "print", "input", "exec", "eval", "compile", "__import__", "breakpoint", "id", "hash"}
MERGE_MAY_NOT_ASK = {"now", "utcnow", "today", "read_bytes", "write_text", "write_bytes", "environ", "getenv"}
"""Attributes that would let the clock or the world in. (`id` and `hash` differ from process to process.)"""

EXTRAS = {
    "hub": (
        "consumers.hub",
        "consumers.room",
        "consumers.report",
        "consumers.alerts",
        "consumers.terminal",
        "bus.signing",
    ),
    "gateway": ("producers.gateway",),
    "adapters": ("producers.adapters",),
    "signing": ("bus.signing",),
    "local": ("bus.broker", "bus.certificates"),
    "admin": ("bus.provision", "bus.certificates", "bus.signing"),
}
"""Where the packages of an extra may be used. All else must work with the core install."""


@dataclass(frozen=True)
class Module:
    name: str
    path: Path
    tree: ast.Module

    @property
    def package(self) -> str:
        return self.name.split(".")[0]

    def inside(self, *packages: str) -> bool:
        return any(self.name == package or self.name.startswith(f"{package}.") for package in packages)

    def imports(self) -> Iterator[str]:
        """Every imported module, wherever in the file; `from a import b` gives `a.b` where that is a module."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{self.name}: relative import; write it in full"
                assert node.module is not None
                for alias in node.names:
                    submodule = f"{node.module}.{alias.name}"
                    yield submodule if submodule in _names() else node.module


@cache
def _names() -> frozenset[str]:
    return frozenset(_name(path) for path in _files())


def _files() -> list[Path]:
    packages = [path for package in MAY_IMPORT if package != "ntsg" for path in (ROOT / package).rglob("*.py")]
    return sorted([*packages, ROOT / "ntsg.py"])


def _name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@cache
def modules() -> tuple[Module, ...]:
    return tuple(Module(_name(path), path, ast.parse(path.read_text("utf-8"))) for path in _files())


def test_imports_point_to_the_right_only() -> None:
    wrong = [
        f"{module.name} imports {imported}"
        for module in modules()
        for imported in module.imports()
        if (top := imported.split(".")[0]) in MAY_IMPORT and top not in MAY_IMPORT[module.package]
    ]
    assert wrong == []


def test_nothing_that_ships_imports_the_tests() -> None:
    wrong = [
        f"{module.name} imports {imported}"
        for module in modules()
        for imported in module.imports()
        if imported.split(".")[0] in {"tests", "benchmarks", "pytest", "hypothesis"}
    ]
    assert wrong == []


def test_the_merge_is_pure() -> None:
    wrong: list[str] = []
    for module in modules():
        if not module.inside(MERGE):
            continue
        wrong += [
            f"{module.name} imports {imported}"
            for imported in module.imports()
            if not any(imported == allowed or imported.startswith(f"{allowed}.") for allowed in MERGE_MAY_IMPORT)
        ]
        for node in ast.walk(module.tree):
            match node:
                case ast.AsyncFunctionDef() | ast.Await() | ast.AsyncFor() | ast.AsyncWith():
                    wrong.append(f"{module.name}:{node.lineno} is asynchronous")
                case ast.Call(func=ast.Name(id=called)) if called in MERGE_MAY_NOT_CALL:
                    wrong.append(f"{module.name}:{node.lineno} calls {called}()")
                case ast.Attribute(attr=asked) if asked in MERGE_MAY_NOT_ASK:
                    wrong.append(f"{module.name}:{node.lineno} uses .{asked}")
                case ast.Global() | ast.Nonlocal():
                    wrong.append(f"{module.name}:{node.lineno} keeps state outside of its objects")
    assert wrong == []


def test_the_merge_brings_no_client_along() -> None:
    """What it imports may itself import more: none of that talks to anyone, or waits."""
    talkers = ("aiokafka", "confluent_kafka", "structlog", "starlette", "sqlite3", "subprocess", "multiprocessing")
    program = f"import sys, {MERGE}; print(*(name for name in {talkers!r} if name in sys.modules))"
    answer = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True)
    assert answer.stdout.split() == []


def test_the_core_install_is_enough_outside_of_the_extras() -> None:
    wrong = [
        f"{module.name} imports {imported}, which its install may not have"
        for module in modules()
        if not _is_command(module)  # imports what it needs when it runs, and says which extra is missing
        for imported in module.imports()
        if (needed := _distributions(imported) & set[str]().union(*map(_extra, EXTRAS)))
        and not needed
        & (_core() | set[str]().union(*(_extra(e) for e, places in EXTRAS.items() if module.inside(*places))))
    ]
    assert wrong == []


def test_third_party_packages_are_declared() -> None:
    declared = _core().union(*(_extra(extra) for extra in EXTRAS))
    wrong = [
        f"{module.name} imports {imported}"
        for module in modules()
        for imported in module.imports()
        if (needed := _distributions(imported) - {"ntsg-bus"}) and not needed & (declared | {"pydantic-core"})
    ]
    assert wrong == []


def test_the_command_line_starts_with_the_core_install() -> None:
    extras = set[str]().union(*(_extra(extra) for extra in EXTRAS))
    wrong = [
        f"{module.name} imports {name} at its top"
        for module in modules()
        if _is_command(module)
        for name in Module(
            module.name, module.path, ast.Module([n for n in module.tree.body if _is_import(n)], [])
        ).imports()
        if _distributions(name) & extras
    ]
    assert wrong == []


@pytest.mark.parametrize(
    "module", [m for m in modules() if "__all__" in m.path.read_text("utf-8")], ids=lambda m: m.name
)
def test_the_public_face_is_complete(module: Module) -> None:
    face = importlib.import_module(module.name)
    assert len(face.__all__) == len(set(face.__all__))
    assert [name for name in face.__all__ if not hasattr(face, name)] == []
    if module.path.name == "__init__.py" and _only_gathers(module):
        gathered = {
            alias.asname or alias.name
            for node in module.tree.body
            if isinstance(node, ast.ImportFrom) and node.module != "__future__"
            for alias in node.names
        }
        assert {name for name in gathered if not name.startswith("_")} == set(face.__all__)


@pytest.mark.parametrize("package", sorted(MAY_IMPORT.keys() - {"ntsg"}))
def test_packages_ship_their_types(package: str) -> None:
    assert (ROOT / package / "py.typed").is_file()


def test_every_module_says_what_it_is() -> None:
    silent = [m.name for m in modules() if m.tree.body and not ast.get_docstring(m.tree)]
    assert silent == []


def test_no_module_is_named_for_nothing() -> None:
    assert [m.name for m in modules() if {"utils", "util", "helpers", "common", "misc"} & set(m.name.split("."))] == []


def _is_command(module: Module) -> bool:
    return module.name == "ntsg" or module.inside(*(f"{package}.commands" for package in MAY_IMPORT))


def _is_import(node: ast.stmt) -> bool:
    return isinstance(node, ast.Import | ast.ImportFrom)


def _only_gathers(module: Module) -> bool:
    """Whether the module defines nothing itself: imports, a docstring and `__all__`."""
    return all(_is_import(node) or isinstance(node, ast.Expr | ast.Assign) for node in module.tree.body)


@cache
def _installed() -> dict[str, set[str]]:
    found = packages_distributions()
    return {module: {name.lower().replace("_", "-") for name in names} for module, names in found.items()}


def _distributions(imported: str) -> set[str]:
    return _installed().get(imported.split(".")[0], set())


@cache
def _project() -> dict[str, list[str] | dict[str, list[str]]]:
    project: dict[str, list[str] | dict[str, list[str]]] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))[
        "project"
    ]
    return project


def _core() -> set[str]:
    dependencies = _project()["dependencies"]
    assert isinstance(dependencies, list)
    return {_requirement(text) for text in dependencies}


def _extra(extra: str) -> set[str]:
    extras = _project()["optional-dependencies"]
    assert isinstance(extras, dict)
    return {_requirement(text) for text in extras[extra]}


def _requirement(text: str) -> str:
    """The distribution that a requirement names: `jgo>=3.2,<4` is `jgo`."""
    name = text
    for sign in "<>=!~[; ":
        name = name.split(sign)[0]
    return name.lower().replace("_", "-")
