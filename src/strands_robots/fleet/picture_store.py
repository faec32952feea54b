"""The fleet's store of pictures in S3, as its operator sees it: URLs for one upload each, and what was uploaded."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from typing import Any

from strands_robots.core.errors import ConfigurationError, NoAnswerError
from strands_robots.fleet.bodies import PictureReference
from strands_robots.fleet.picture_upload import LARGEST

LIFETIME = 60
"""How long a URL may be used [s]."""


@dataclass(frozen=True)
class UploadUrl:
    """Where one picture goes.

    Attributes:
        key: Its name in the bucket.
        url: URL that takes one PUT of it.
    """

    key: str
    url: str


class PictureStore:
    """A bucket of S3, with the operator's own AWS credentials (boto3 finds them).

    Args:
        bucket: Name of the bucket.
        region: Its region.
        endpoint: URL of a store that speaks S3 and is not AWS's; empty for AWS's.
        authority: Certificates that are trusted, PEM; empty for this machine's own.

    Raises:
        ConfigurationError: If boto3 is not installed, or takes no such region.
    """

    def __init__(self, bucket: str, region: str, endpoint: str = "", authority: str = "") -> None:
        try:
            import boto3
            from botocore.config import Config
            from botocore.exceptions import BotoCoreError
        except ImportError as error:
            raise ConfigurationError("boto3 is not installed; install it with: pip install boto3") from error
        self._bucket = bucket
        style = {"addressing_style": "path" if endpoint else "virtual"}
        try:
            self._client: Any = boto3.client(
                "s3", region_name=region, endpoint_url=endpoint or None, verify=authority or None,
                config=Config(signature_version="s3v4", s3=style),
            )  # fmt: skip
        except (BotoCoreError, ValueError) as error:
            raise ConfigurationError(f"the bucket '{bucket}' in region '{region}' cannot be used: {error}") from error

    def upload_url(self, robot: str, camera: str) -> UploadUrl:
        """Return where a robot's next picture goes; a picture never replaces another.

        Raises:
            ConfigurationError: If there are no AWS credentials, or the bucket's name is none.
        """
        from botocore.exceptions import BotoCoreError

        key = f"{robot}/{camera.replace('/', '_')}/{uuid.uuid4().hex}.jpg"
        given = {"Bucket": self._bucket, "Key": key, "ContentType": "image/jpeg"}
        try:
            return UploadUrl(key, str(self._client.generate_presigned_url("put_object", given, ExpiresIn=LIFETIME)))
        except BotoCoreError as error:
            raise ConfigurationError(
                f"no URL for bucket '{self._bucket}': {error}; valid: AWS credentials for it"
            ) from error

    def fetch(self, key: str, reference: PictureReference) -> bytes:
        """Return an uploaded picture.

        Raises:
            NoAnswerError: If it cannot be had.
            ConfigurationError: If it is not the one that the robot's signed reference names.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            data: bytes = self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read(LARGEST + 1)
        except (BotoCoreError, ClientError) as error:
            raise NoAnswerError(f"the picture '{key}' cannot be had: {error}") from error
        if len(data) != reference.size or hashlib.sha256(data).hexdigest() != reference.sha256:
            raise ConfigurationError(f"'{key}' is not the picture that the robot signed; valid: the bytes it uploaded")
        return data
