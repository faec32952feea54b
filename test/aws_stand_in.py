"""AWS IoT Core as far as its published MQTT topics say: a real mosquitto that enforces the generated policies, and a
service behind it that answers for shadows and for Fleet Provisioning. It was written from the Developer Guide ("Device
Shadow MQTT topics", "Device provisioning MQTT API") and never met AWS.
"""

from __future__ import annotations

import json
import subprocess
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from cryptography import x509
from fleet_site import enrol, free_port, mosquitto
from paho.mqtt.enums import CallbackAPIVersion

from strands_robots.fleet.authority import Authority, create_authority
from strands_robots.fleet.aws_policy import policies, policy_name
from strands_robots.fleet.aws_provisioning import pre_provision
from strands_robots.fleet.certificates import (
    certificate_pem,
    load_private,
    make_request,
    new_private_key,
    private_pem,
    sign_request,
)
from strands_robots.fleet.fleet_file import AwsEntry, RouterEntry
from strands_robots.fleet.member import MemberKind, Right
from strands_robots.fleet.member_folder import accept_grant, make_request_files
from strands_robots.fleet.zenoh_config import TlsFiles

REGION, ACCOUNT, CLAIM = "eu-central-1", "123456789012", "lab-claim-1"
SERVICE = "aws"


def access_of(policy: str, thing: str, cell: str) -> list[str]:
    """Return a policy as lines of mosquitto's access list. `*` ends as `#`, and inside as one part, which is narrower than AWS."""
    lines = []
    for statement in json.loads(policy)["Statement"]:
        word = {"iot:Publish": "write", "iot:Receive": "read"}.get(statement["Action"])
        for resource in statement["Resource"] if word else ():
            topic = resource.split(":topic/", 1)[1]
            topic = topic.replace("${iot:Connection.Thing.ThingName}", thing)
            topic = topic.replace("${iot:Connection.Thing.Attributes[cell]}", cell or "none")
            topic = topic.removesuffix("*") + "#" if topic.endswith("/*") else topic
            lines.append(f"topic {word} {topic.replace('*', '+')}")
    return lines


class AwsStandIn:
    """A fleet `lab` at AWS: arm1, arm2, anna and bert have things; arm3 is invited and has none."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.shadows: dict[tuple[str, str], dict[str, Any]] = {}
        self.log: list[tuple[str, bytes]] = []
        self.attached: dict[str, str] = {}
        self.waiting: dict[str, str] = {}
        self.now: Callable[[], float] = time.time
        place = f"tls/127.0.0.1:{free_port()}"
        router = RouterEntry(listen=place, connect=place, name="127.0.0.1")
        self.authority: Authority = create_authority(
            folder / "authority", "lab", router, aws=AwsEntry(endpoint="localhost", port=self.port)
        )
        enrol(self.authority, folder, "arm1", MemberKind.ROBOT, Right.STOP_CELL, cell="left")
        enrol(self.authority, folder, "arm2", MemberKind.ROBOT, cell="left")
        enrol(self.authority, folder, "anna", MemberKind.OPERATOR, Right.TELL, Right.RESUME)
        enrol(self.authority, folder, "bert", MemberKind.OPERATOR)
        for member in self.authority.file.roster().members:
            request = make_request_files(folder / member.name, member.name)
            accept_grant(folder / member.name, json.dumps(self.authority.renew(request)))
            self.attached[member.name] = policy_name("lab", member)
        self.attached[CLAIM] = "lab-claim"
        self._start_broker()
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=SERVICE, protocol=mqtt.MQTTv5)
        files = self.files(SERVICE)
        self.client.tls_set(files.authority, files.certificate, files.key)
        self.client.on_message = lambda client, data, message: self._on_message(message.topic, message.payload)
        ready = threading.Event()
        self.client.on_subscribe = lambda *_: ready.set()
        self.client.on_connect = lambda client, *_: client.subscribe([("#", 0), ("$aws/#", 0)])
        self.client.connect("localhost", self.port)
        self.client.loop_start()
        assert ready.wait(10.0)

    def files(self, name: str) -> TlsFiles:
        """Return the certificate of a name, as AWS gave it."""
        key = new_private_key()
        pem = make_request(name, key)
        paths = [self.folder / f"{name}-{what}.pem" for what in ("authority", "certificate", "key")]
        for path, data in zip(
            paths, (certificate_pem(self.authority.certificate), self._signed(pem, name), private_pem(key))
        ):
            path.touch(mode=0o600)
            path.write_bytes(data)
        return TlsFiles(*(str(path) for path in paths))

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()
        self.broker.terminate()
        self.broker.wait(10.0)

    def attach(self, name: str, policy: str, cell: str = "") -> None:
        """Attach a policy to a thing; in force at once."""
        self.attached[name] = policy
        self._write_access()
        self.broker.send_signal(1)

    # --- The broker -------------------------------------------------------------------------------------------

    def _start_broker(self) -> None:
        authority = self.folder / "authority"
        self._write_access()
        lines = [
            f"user {self.folder.owner()}", f"listener {self.port} 127.0.0.1", f"cafile {authority / 'authority.pem'}",
            f"certfile {authority / 'router.pem'}", f"keyfile {authority / 'router.key'}", "require_certificate true",
            "use_identity_as_username true", "use_username_as_clientid true", f"acl_file {self.folder / 'aws.acl'}",
            "retain_available false", "set_tcp_nodelay true", "log_dest stderr",
        ]  # fmt: skip
        (self.folder / "aws.conf").write_text("\n".join(lines) + "\n")
        command = [mosquitto(), "-c", str(self.folder / "aws.conf")]
        self.broker = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert self.broker.stdout is not None
        assert any("running" in line for line in self.broker.stdout), "mosquitto ended"
        threading.Thread(target=self.broker.stdout.read, daemon=True).start()

    def _write_access(self) -> None:
        roster = self.authority.file.roster()
        texts, lines = (
            policies(roster, REGION, ACCOUNT),
            [f"user {SERVICE}", "topic readwrite #", "topic readwrite $aws/#"],
        )
        for name, policy in self.attached.items():
            member = roster.find(name)
            lines += ["", f"user {name}", *access_of(texts[policy], name, member.cell if member else "")]
        (self.folder / "aws.acl").write_text("\n".join(lines) + "\n")

    # --- The services -----------------------------------------------------------------------------------------

    def _on_message(self, topic: str, data: bytes) -> None:
        parts = topic.split("/")
        self.log.append((topic, data))
        if parts[:2] == ["$aws", "things"] and parts[-1] in ("update", "get"):
            self._answer(topic, *self._shadow(parts[2], parts[5], parts[-1], json.loads(data or b"{}")))
        elif topic == "$aws/certificates/create-from-csr/json":
            self._answer(topic, *self._certificate(json.loads(data)))
        elif topic == "$aws/provisioning-templates/lab/provision/json":
            self._answer(topic, *self._provision(json.loads(data)))

    def _answer(self, topic: str, is_accepted: bool, body: dict[str, Any]) -> None:
        self.client.publish(f"{topic}/{'accepted' if is_accepted else 'rejected'}", json.dumps(body))

    def _shadow(self, thing: str, name: str, what: str, given: dict[str, Any]) -> tuple[bool, dict[str, Any]]:
        token = {"clientToken": given["clientToken"]} if "clientToken" in given else {}
        found = self.shadows.get((thing, name))
        if what == "get":
            if found is None:
                return False, {"code": 404, "message": f"No shadow exists with name: '{thing}~{name}'", **token}
            return True, {**found, "timestamp": int(time.time()), **token}
        found = found or {"state": {}, "version": 0}
        if given.get("version", found["version"]) != found["version"]:
            return False, {"code": 409, "message": "Version conflict", **token}
        state = {**found["state"], **{key: value for key, value in given["state"].items() if value is not None}}
        self.shadows[thing, name] = {"state": state, "version": found["version"] + 1}
        return True, {"state": given["state"], "version": found["version"] + 1, "timestamp": int(time.time()), **token}

    def _certificate(self, given: dict[str, Any]) -> tuple[bool, dict[str, Any]]:
        csr = x509.load_pem_x509_csr(given["certificateSigningRequest"].encode())
        name = str(csr.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value)
        pem = self._signed(given["certificateSigningRequest"].encode(), name).decode()
        token = uuid.uuid4().hex
        self.waiting[token] = pem
        return True, {"certificateOwnershipToken": token, "certificateId": uuid.uuid4().hex * 2, "certificatePem": pem}

    def _provision(self, given: dict[str, Any]) -> tuple[bool, dict[str, Any]]:
        pem = self.waiting.pop(given["certificateOwnershipToken"], "")
        event = {"certificatePem": pem, "templateArn": "arn", "parameters": given["parameters"]}
        found = pre_provision(event, self.authority._invites(), "lab", self.now())
        if not found.answer["allowProvisioning"]:
            return False, {
                "statusCode": 403,
                "errorCode": "AccessDenied",
                "errorMessage": "Pre-provisioning hook denied",
            }
        self.authority._save_invites([entry for entry in self.authority._invites() if entry != found.invite])
        overrides = found.answer["parameterOverrides"]
        self.attach(overrides["Name"], overrides["Policy"], overrides["Cell"])
        return True, {"thingName": overrides["Name"], "deviceConfiguration": {}}

    def _signed(self, pem: bytes, name: str) -> bytes:
        key = load_private((self.folder / "authority" / "authority.key").read_bytes())
        return certificate_pem(sign_request(pem, name, self.authority.certificate, key))
