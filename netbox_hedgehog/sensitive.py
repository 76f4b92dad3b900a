"""Keep secrets out of error reports: mark what views with secrets receive as sensitive."""

from typing import Any

from django.http import HttpRequest
from django.views.debug import SafeExceptionReporterFilter

__all__ = ('TakesSecrets', 'keep_secrets')


class SecretFilter(SafeExceptionReporterFilter):
    """Removes submitted data and local variables from error reports and from Django's debug page."""

    def is_active(self, request: HttpRequest) -> bool:
        return True

    def get_traceback_frame_variables(self, request: HttpRequest, tb_frame: Any) -> list[tuple[str, Any]]:
        return [(name, self.cleansed_substitute) for name in tb_frame.f_locals]


def keep_secrets(request: HttpRequest) -> None:
    """Mark everything that a request contains as sensitive."""
    request.exception_reporter_filter = SecretFilter()
    request.sensitive_post_parameters = '__ALL__'


class TakesSecrets:
    """A view that receives tokens and kubeconfigs, or uses stored ones."""

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        keep_secrets(request)
        super().setup(request, *args, **kwargs)  # type: ignore[misc]  # of a view
