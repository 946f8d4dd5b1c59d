"""The production compose file, as far as it can be judged without an engine: hardened, complete, and in words that our
own commands know.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ntsg import cli

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: told for name, told in SERVICES.items() if str(told["image"]).startswith("ntsg-bus:")}
SERVED = {name: told for name, told in OURS.items() if name != "provision"}


def words_of(command: str | list[str]) -> list[str]:
    """The words of a command, with what stands in for a variable that is set (`${NAME:+word}`)."""
    return command if isinstance(command, list) else shlex.split(re.sub(r"\$\{\w+:\+(.*?)\}", r"\1", command))


def mounts(told: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Source and target of each volume of a service, with the defaults of the variables."""
    for volume in told["volumes"]:
        source, target = re.sub(r"\$\{\w+:-(.*?)\}", r"\1", volume).split(":")[:2]
        yield source, target


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_may_do_no_more_than_it_needs(name: str) -> None:
    told = SERVICES[name]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", told["user"]), "root"
    assert told["read_only"] is True
    assert told["cap_drop"] == ["ALL"]
    assert told["security_opt"] == ["no-new-privileges:true"]
    assert not told.keys() & {"privileged", "cap_add", "network_mode", "pid", "devices"}
    assert told["deploy"]["resources"]["limits"].keys() == {"cpus", "memory", "pids"}
    assert told["logging"]["options"].keys() == {"max-size", "max-file"}


@pytest.mark.parametrize("name", [name for name in SERVICES if name != "provision"])
def test_what_runs_on_is_watched_and_comes_again(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"
    assert SERVICES[name]["restart"] == "unless-stopped"
    assert "stop_grace_period" in SERVICES[name]


@pytest.mark.parametrize("name", SERVED)
def test_a_command_is_one_of_ours(name: str) -> None:
    command, *words = words_of(SERVED[name]["command"])
    known = {option for parameter in cli.commands[command].params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= known


@pytest.mark.parametrize("name", SERVED)
def test_a_path_in_a_command_is_mounted(name: str) -> None:
    told = SERVED[name]
    there = {target for _, target in mounts(told)} | {f"/run/secrets/{secret}" for secret in told["secrets"]}
    named = [word for word in [*words_of(told["command"]), *told["environment"].values()] if word.startswith("/")]
    for path in named:
        assert any(path == place or path.startswith(f"{place}/") for place in there), path


def test_secrets_are_files_that_make_secrets_makes() -> None:
    script = (ROOT / "docker" / "make-secrets").read_text("utf-8")
    for name, told in COMPOSE["secrets"].items():
        assert told == {"file": f"./docker/secrets/{name}"}
        assert re.search(rf"\b{name.removesuffix('.pem')}\b", script), name
    used = {s if isinstance(s, str) else s["source"] for told in SERVICES.values() for s in told["secrets"]}
    assert used == COMPOSE["secrets"].keys()
    named = {name: value for told in SERVICES.values() for name, value in told["environment"].items()}
    assert [name for name in named if "PASSWORD" in name] == ["NTSG_PASSWORD_FILE"]


def test_volumes_are_declared_and_what_is_bound_exists() -> None:
    sources = {source for told in SERVICES.values() for source, _ in mounts(told)}
    named = {source for source in sources if not source.startswith(".")}
    assert named == COMPOSE["volumes"].keys()
    assert [source for source in sources - named if not (ROOT / source).exists()] == []


def test_a_named_volume_finds_its_owner_in_the_image() -> None:
    """An engine gives a new volume the owner of the directory on which it is first mounted."""
    image = (ROOT / "Dockerfile").read_text("utf-8")
    assert "--uid 10001" in image
    owned = {"/var/lib/ntsg", *re.search(r"install -d .*? -o ntsg -g ntsg (.*?)\n[A-Z]", image, re.DOTALL)[1].split()}  # type: ignore[index]
    for told in OURS.values():
        assert {target for source, target in mounts(told) if not source.startswith(".")} <= owned


def test_only_what_members_need_is_published_beyond_this_host() -> None:
    published = {name: told.get("ports", []) for name, told in SERVICES.items()}
    for name, ports in published.items():
        if name.startswith("hub"):
            assert all(port.startswith("127.0.0.1:") for port in ports)
    assert all(port.rpartition(":")[2] in {"9095", "9096"} for node in (1, 2, 3) for port in published[f"kafka-{node}"])


def test_a_hub_believes_the_proxy_of_this_host_alone() -> None:
    [subnet] = COMPOSE["networks"]["bus"]["ipam"]["config"]
    for name, told in SERVED.items():
        if name.startswith("hub"):
            assert told["environment"]["FORWARDED_ALLOW_IPS"] == subnet["gateway"]
