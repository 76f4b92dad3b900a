"""Views that take secrets: what goes wrong in them is told without what was sent."""

from typing import Any

from django.http import HttpRequest
from django.views.debug import SafeExceptionReporterFilter

__all__ = ('TakesSecrets', 'keep_secrets')


class SecretFilter(SafeExceptionReporterFilter):
    """Leaves what was sent, and what the code on the way held, out of reports of errors and of Django's debug page."""

    def is_active(self, request: HttpRequest) -> bool:
        return True

    def get_traceback_frame_variables(self, request: HttpRequest, tb_frame: Any) -> list[tuple[str, Any]]:
        return [(name, self.cleansed_substitute) for name in tb_frame.f_locals]


def keep_secrets(request: HttpRequest) -> None:
    """Mark all that a request has sent as sensitive."""
    request.exception_reporter_filter = SecretFilter()
    request.sensitive_post_parameters = '__ALL__'


class TakesSecrets:
    """A view that takes tokens and kubeconfigs, or uses those that are stored."""

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        keep_secrets(request)
        super().setup(request, *args, **kwargs)  # type: ignore[misc]  # of a view
