"""Define the API's error responses."""

from typing import Any


class APIError(Exception):
    """A failure with the Status body that a Kubernetes API server sends for it."""

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        details: dict[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.body: dict[str, Any] = {
            'kind': 'Status',
            'apiVersion': 'v1',
            'metadata': metadata or {},
            'status': 'Failure',
            'message': message,
            'reason': reason,
            'code': code,
        }
        if details is not None:
            self.body['details'] = details


class PageNotFoundError(Exception):
    """A path that is not served. Kubernetes responds with plain text, not with a Status."""


def bad_request(message: str) -> APIError:
    return APIError(400, 'BadRequest', message)


def gone(message: str, metadata: dict[str, Any] | None = None) -> APIError:
    return APIError(410, 'Expired', message, metadata=metadata)
