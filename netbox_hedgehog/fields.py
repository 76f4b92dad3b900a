"""Encrypt secrets in the database: when they are saved, and decrypt them only right before a cluster is called.

The key is derived from NetBox's SECRET_KEY with HKDF (RFC 5869); the encryption is Fernet (AES-128-CBC with
HMAC-SHA256). After a change of SECRET_KEY the earlier keys, listed in the plugin's setting `secret_key_fallbacks`,
still decrypt what they encrypted; every save encrypts with the current key.
"""

from base64 import urlsafe_b64encode
from functools import lru_cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.db import models
from django.views.decorators.debug import sensitive_variables
from netbox.plugins.utils import get_plugin_config

__all__ = ('EncryptedStr', 'EncryptedTextField', 'DecryptionError', 'decrypt')

PREFIX = 'sealed:1:'


class DecryptionError(Exception):
    """A stored secret cannot be decrypted with any available key. The text is a sentence for the operator."""


class EncryptedStr(str):
    """A secret as it is stored in the database. Only decrypt() makes it readable; printing it shows nothing."""

    __slots__ = ()

    def __repr__(self) -> str:
        return '<encrypted>'


@lru_cache(maxsize=4)
def _fernet(*secret_keys: str) -> MultiFernet:
    def derive(secret_key: str) -> Fernet:
        hkdf = HKDF(algorithm=SHA256(), length=32, salt=None, info=b'netbox_hedgehog sealed fields')
        return Fernet(urlsafe_b64encode(hkdf.derive(secret_key.encode())))

    return MultiFernet([derive(key) for key in secret_keys])


def _keys() -> tuple[str, ...]:
    return (settings.SECRET_KEY, *get_plugin_config('netbox_hedgehog', 'secret_key_fallbacks', default=[]))


@sensitive_variables()
def encrypt(secret: str) -> EncryptedStr:
    """Encrypt a plain secret with the current key. An empty one stays empty."""
    return EncryptedStr(PREFIX + _fernet(*_keys()).encrypt(secret.encode()).decode() if secret else '')


@sensitive_variables()
def decrypt(value: str) -> str:
    """Return the plain secret of a field's value. A value that was set and not yet saved is plain already.

    Raises DecryptionError if no key decrypts it.
    """
    if not isinstance(value, EncryptedStr) or not value:
        return value or ''
    try:
        return _fernet(*_keys()).decrypt(value.removeprefix(PREFIX).encode()).decode()
    except InvalidToken:
        raise DecryptionError(
            'A stored secret cannot be decrypted: SECRET_KEY has changed since it was entered. Add the earlier key to '
            "PLUGINS_CONFIG['netbox_hedgehog']['secret_key_fallbacks'], or enter the secret again."
        ) from None


class EncryptedTextField(models.TextField):
    """A text field whose value is encrypted when it is saved and stays encrypted when it is read."""

    def contribute_to_class(self, cls: type[models.Model], name: str, **options: Any) -> None:
        super().contribute_to_class(cls, name, **options)
        if not cls._meta.abstract:
            models.signals.pre_save.connect(self._keep_as_dumped, sender=cls)

    def _keep_as_dumped(self, instance: models.Model, raw: bool = False, **kwargs: Any) -> None:
        """Keep a value as loaddata restores it from dumpdata: it is encrypted already.

        Only loaddata saves rows as they are (`raw`). Anywhere else such a value was entered by a person.
        """
        value = getattr(instance, self.attname)
        if raw and isinstance(value, str) and value.startswith(PREFIX):
            setattr(instance, self.attname, EncryptedStr(value))

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> EncryptedStr:
        return EncryptedStr(value or '')

    def get_prep_value(self, value: Any) -> str:
        return str.__str__(value if isinstance(value, EncryptedStr) else encrypt(value or ''))

    def pre_save(self, model_instance: models.Model, add: bool) -> EncryptedStr:
        value = getattr(model_instance, self.attname)
        if not isinstance(value, EncryptedStr):
            value = encrypt(value or '')
            setattr(model_instance, self.attname, value)
        return value

    def value_to_string(self, obj: models.Model) -> str:
        # Serialization (change log, dumpdata) of an unsaved value must not show it.
        value = self.value_from_object(obj)
        return str.__str__(value if isinstance(value, EncryptedStr) else encrypt(value or ''))
