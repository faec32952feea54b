"""Policy "cosmos3" with transport "libero": a client of Cosmos 3's LIBERO server, HTTP and JSON.

POST /predict takes {"image", "prompt", "domain_name", "image_size"}: the views side by side as one PNG in base64, each of
image_size x image_size. It answers {"action": rows, "video"}; errors come with status 200 and "error". GET /info says how many rows
and numbers there are. The rows are deltas in the units of LIBERO's controller ("framewise"), or poses relative to the one at the
observation ("anchored"); rotations are the first two columns of a matrix. The gripper is 1 open, 0 closed in NVIDIA's dataset.

Source: cosmos-framework `scripts/action_policy_server_libero.py`, `simulation/libero/closed_loop_eval.py`.
"""

from __future__ import annotations

import base64
import http.client
import io
import json
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from strands_robots.core.arrays import FloatArray
from strands_robots.core.types import ActionSpace, Element, PictureNeed, PolicyGives, PolicyNeeds
from strands_robots.policies.adapt.model import ModelInput, made_up_input
from strands_robots.policies.remote.answers import mapping, rows
from strands_robots.policies.remote.codec import MAX_BYTES
from strands_robots.policies.remote.connection import RemoteLink
from strands_robots.policies.remote.errors import BusyError, LinkError, ProtocolError
from strands_robots.policies.remote.remote_options import LinkOptions
from strands_robots.policies.remote.transport import listens

NAMES = ("dx", "dy", "dz", "r0", "r1", "r2", "r3", "r4", "r5", "gripper")


class Cosmos3LiberoOptions(LinkOptions):
    """Settings of the LIBERO server.

    Attributes:
        views: Names of the pictures, in the order in which they stand side by side.
        image_size: Height and width of each [px].
        domain_name: The server's name of the embodiment.
        action_space: What the server's checkpoint was trained on; the server does not say it.
        horizon: Rows of one answer; 0 takes what the server says.
    """

    port: int = 8000
    timeout: float = 10.0
    rate: float = 20.0
    views: Annotated[tuple[str, ...], Field(min_length=1, max_length=4)] = ("image", "wrist_image")
    image_size: Annotated[int, Field(ge=16, le=1024)] = 256
    domain_name: str = "libero"
    action_space: Literal["framewise", "anchored"] = "framewise"
    horizon: Annotated[int, Field(ge=0, le=1000)] = 0


class HttpTransport:
    """Requests over HTTP, each on a connection of its own, as the server closes them.

    Args:
        host, port: Where the server is.
        path: Where questions are posted.
        headers: What is said about who asks.
    """

    def __init__(self, host: str, port: int, path: str, headers: Mapping[str, str]) -> None:
        self._place = host, port
        self._path = path
        self._headers = {**headers, "Content-Type": "application/json"}

    @property
    def address(self) -> str:
        """Where the server is."""
        return f"http://{self._place[0]}:{self._place[1]}"

    def open(self, timeout: float) -> None:
        """Look whether the server listens; raises LinkError."""
        if not listens(*self._place):
            raise LinkError(f"no server at {self.address}: nothing listens there")

    def get(self, path: str, timeout: float) -> bytes:
        """Return the content of a page; raises as `exchange`."""
        return self._ask("GET", path, None, timeout)

    def receive(self, timeout: float) -> bytes:
        """Nothing comes without a question."""
        raise LinkError(f"{self.address} says nothing without a question")

    def exchange(self, message: bytes, timeout: float) -> bytes:
        """Post a message and return the answer.

        Raises:
            BusyError: If the answer does not come in time.
            LinkError: If no server listens, or the connection breaks.
            ProtocolError: If the status is an error of ours.
        """
        return self._ask("POST", self._path, message, timeout)

    def close(self) -> None:
        """Nothing is kept open."""

    def _ask(self, method: str, path: str, body: bytes | None, timeout: float) -> bytes:
        connection = http.client.HTTPConnection(*self._place, timeout=timeout)
        try:
            connection.request(method, path, body, self._headers)
            response = connection.getresponse()
            content = response.read(MAX_BYTES)
        except TimeoutError as error:
            raise BusyError(f"{self.address} did not answer within {timeout:g} s") from error
        except (OSError, http.client.HTTPException) as error:
            raise LinkError(f"no server at {self.address}: {error}") from error
        finally:
            connection.close()
        if response.status >= 500:
            raise LinkError(f"{self.address}{path} answers HTTP {response.status}")
        if response.status != 200:
            raise ProtocolError(f"{self.address}{path} answers HTTP {response.status}: {ascii(content[:512])[2:-1]}")
        return content


class Cosmos3LiberoModel:
    """Asks a LIBERO server of Cosmos 3.

    Args:
        options: Settings.

    Attributes:
        metadata: What /info says.

    Raises:
        PolicyError: If the server does not answer, or its rows have another form.
    """

    def __init__(self, options: Cosmos3LiberoOptions) -> None:
        self._options = options
        self.metadata: Mapping[Any, Any] = {}
        self._transport = HttpTransport(options.host, options.port, "/predict", options.headers())
        self._link = RemoteLink(self._transport, self._shake_hands, options.link())
        self._link.connect()
        size = PictureNeed(options.image_size, options.image_size)
        self.needs = PolicyNeeds((), dict.fromkeys(options.views, size), language=True)
        space = ActionSpace.EE_DELTA if options.action_space == "framewise" else ActionSpace.EE_RELATIVE
        self.gives = PolicyGives(
            tuple(Element(name) for name in NAMES), space, "1 open, 0 closed",
            options.horizon or int(self.metadata.get("action_chunk_size", 0)), options.rate,
            device=f"server at {self._transport.address}",
        )  # fmt: skip

    @property
    def connection(self) -> str:
        """State of the connection."""
        return self._link.state.value

    def reset(self, seed: int) -> None:
        """Nothing: the server keeps no state of episodes."""

    def infer(self, given: ModelInput) -> FloatArray:
        """Return rows (H, A).

        Raises:
            PolicyError: If the server does not answer, reports an error, or answers another shape or type.
        """
        return self._asked(given, self._link.ask)

    def warm_up(self) -> None:
        """Ask once on made-up numbers and wait long; raises PolicyError as `infer`."""
        if self._options.warm_up > 0.0:
            self._asked(made_up_input(self.needs), self._link.warm_up)

    def close(self) -> None:
        """Disconnect."""
        self._link.close()

    def _asked(self, given: ModelInput, ask: Callable[[bytes], bytes]) -> FloatArray:
        from PIL import Image

        wide = np.concatenate([given.pictures[view][-1] for view in self._options.views], axis=1)
        stream = io.BytesIO()
        Image.fromarray(wide).save(stream, format="PNG")
        request = {
            "image": base64.b64encode(stream.getvalue()).decode("ascii"), "prompt": given.task,
            "domain_name": self._options.domain_name, "image_size": self._options.image_size,
        }  # fmt: skip
        answer = _json(ask(json.dumps(request).encode()), "the answer")
        return rows({"action": _array(answer.get("action"))}, "action", len(NAMES), self.gives.horizon)

    def _shake_hands(self, timeout: float) -> None:
        info = _json(self._transport.get("/info", timeout), "/info")
        options = self._options
        width, length = info.get("raw_action_dim"), info.get("action_chunk_size")
        if isinstance(width, int) and width != len(NAMES):
            raise ProtocolError(f"the server's rows have {width} numbers, ours {len(NAMES)}: {', '.join(NAMES)}")
        if options.horizon and isinstance(length, int) and length != options.horizon:
            raise ProtocolError(f"horizon: the settings have {options.horizon} rows, the server {length}")
        self.metadata = info


def _json(content: bytes, what: str) -> Mapping[Any, Any]:
    try:
        value = json.loads(content)
    except ValueError as error:
        raise ProtocolError(f"{what} is no JSON: {error}") from error
    return mapping(value, what)


def _array(value: Any) -> Any:
    try:
        return np.array(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ProtocolError(f"'action' holds something that is no number: {error}") from error
