"""Fleet Provisioning of AWS IoT by certificate request: the robot's side, and the hook that decides. Denied by default.

The robot connects with a claim certificate that may do nothing else, sends the certificate request that it signed for its
enrolment, and gets a certificate of AWS's. The hook is the same decision as `strands-robots fleet enrol`: an open invite
for this name, this key, once. AWS runs a hook in a function of the account; this module has no I/O there.

Source: AWS IoT Core Developer Guide, "Provisioning devices that don't have device certificates using fleet provisioning".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from strands_robots.core.errors import ConfigurationError, NoAnswerError
from strands_robots.core.private_folder import opened
from strands_robots.fleet.aws_policy import member_policy_name
from strands_robots.fleet.aws_transport import CERTIFICATE, KEY, AwsConnection
from strands_robots.fleet.enrolment import EnrolmentRequest, Invite, decide, parse_request
from strands_robots.fleet.roster_keeper import write_atomically

REQUEST, TOKEN = "Request", "Token"
"""Parameters of the template that the robot gives: its request.json, and the one-time token of its invite."""

_LARGEST = 1 << 16


@dataclass(frozen=True)
class HookAnswer:
    """What the hook says.

    Attributes:
        answer: For AWS: allowProvisioning and parameterOverrides.
        invite: The invite that is used up; None when it is denied.
        message: Why, in words, for the function's log.
    """

    answer: dict[str, Any]
    invite: Invite | None
    message: str


def pre_provision(event: Mapping[str, Any], invites: Sequence[Invite], fleet: str, now: float) -> HookAnswer:
    """Decide about a robot that asks AWS for its identity.

    Args:
        event: Event of AWS's pre-provisioning hook.
        invites: Those that are open.
        fleet: Name of the fleet; policies begin with it.
        now: Wall clock [s since 1970].
    """
    parameters = event.get("parameters")
    given = parameters if isinstance(parameters, Mapping) else {}
    try:
        request = parse_request(str(given.get(REQUEST, "")))
        if not _is_of_request(str(event.get("certificatePem", "")), request):
            return _denied("denied: the certificate is not for the key of the request")
    except (ConfigurationError, ValueError) as error:
        return _denied(f"denied: {error}")
    decision = decide(request, str(given.get(TOKEN, "")), invites, now)
    if decision.invite is None:
        return _denied(decision.message)
    invite = decision.invite
    policy = member_policy_name(fleet, invite.kind, invite.may)
    overrides = {"Name": invite.name, "Cell": invite.cell or "none", "Policy": policy}
    return HookAnswer({"allowProvisioning": True, "parameterOverrides": overrides}, invite, decision.message)


def template(fleet: str) -> dict[str, Any]:
    """Return the body of the provisioning template; name, cell and policy are the hook's, never the robot's."""
    parameters = (REQUEST, TOKEN, "Name", "Cell", "Policy", "AWS::IoT::Certificate::Id")
    return {
        "Parameters": {name: {"Type": "String"} for name in parameters},
        "Resources": {
            "certificate": {
                "Type": "AWS::IoT::Certificate",
                "Properties": {"CertificateId": {"Ref": "AWS::IoT::Certificate::Id"}, "Status": "Active"},
            },
            "thing": {
                "Type": "AWS::IoT::Thing",
                "Properties": {
                    "ThingName": {"Ref": "Name"},
                    "AttributePayload": {"cell": {"Ref": "Cell"}, "fleet": fleet},
                },
                "OverrideSettings": {
                    "AttributePayload": "REPLACE",
                    "ThingTypeName": "FAIL",
                    "ThingGroups": "DO_NOTHING",
                },
            },
            "policy": {"Type": "AWS::IoT::Policy", "Properties": {"PolicyName": {"Ref": "Policy"}}},
        },
    }


def provision(connection: AwsConnection, folder: Path, name: str, fleet: str, token: str, timeout: float = 20.0) -> str:
    """Get the member in a folder its certificate at AWS, and return the name of its thing.

    Args:
        connection: With the claim certificate.
        folder: The member's, with request.json and tls.new.key (`strands-robots fleet request`).
        name: The member.
        fleet: Name of the fleet, which is the template's too.
        token: Of its invite.
        timeout: How long each of the two answers may take [s].

    Raises:
        NoAnswerError: If AWS refuses or does not answer.
        ConfigurationError: If the answer is for another name or key, or the folder cannot be used.
    """
    from awscrt import mqtt_request_response
    from awsiot import iotidentity

    try:
        with opened(folder) as place:
            request = parse_request(place.read("request.json", _LARGEST))
            key = place.read("tls.new.key", _LARGEST)
    except OSError as error:
        raise ConfigurationError(f"'{folder}' has no request; valid: `strands-robots fleet request {name}`") from error
    options = mqtt_request_response.ClientOptions(
        max_request_response_subscriptions=8, max_streaming_subscriptions=1, operation_timeout_in_seconds=int(timeout)
    )
    client = iotidentity.IotIdentityClientV2(connection.client, options)
    asked = iotidentity.CreateCertificateFromCsrRequest(certificate_signing_request=request.csr)
    made = _answer(client.create_certificate_from_csr(asked), timeout)
    if not _is_of_request(made.certificate_pem, request):
        raise ConfigurationError("the certificate of AWS is for another key; valid: for this robot's own request")
    parameters = {REQUEST: request.model_dump_json(), TOKEN: token}
    registered = _answer(
        client.register_thing(
            iotidentity.RegisterThingRequest(
                template_name=fleet, certificate_ownership_token=made.certificate_ownership_token, parameters=parameters
            )
        ),
        timeout,
    )
    if registered.thing_name != name:
        raise ConfigurationError(f"AWS made the thing '{registered.thing_name}'; valid: '{name}'")
    try:
        write_atomically(folder, KEY, key)
        write_atomically(folder, CERTIFICATE, made.certificate_pem.encode(), 0o644)
    except OSError as error:
        raise ConfigurationError(f"'{folder}' cannot be used: {error.strerror or error}") from error
    return name


def _answer(future: Future[Any], timeout: float) -> Any:
    from awsiot import V2ServiceException

    try:
        return future.result(timeout + 1.0)
    except V2ServiceException as error:
        said = error.modeled_error
        raise NoAnswerError(f"AWS refuses: {getattr(said, 'error_message', None) or error.message}") from error
    except (TimeoutError, RuntimeError) as error:
        raise NoAnswerError(f"AWS does not answer: {error}") from error


def _is_of_request(certificate: str, request: EnrolmentRequest) -> bool:
    given = x509.load_pem_x509_certificate(certificate.encode()).public_key()
    asked = x509.load_pem_x509_csr(request.csr.encode()).public_key()
    form = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return given.public_bytes(*form) == asked.public_bytes(*form)


def _denied(message: str) -> HookAnswer:
    return HookAnswer({"allowProvisioning": False}, None, message)
